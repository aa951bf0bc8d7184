#!/usr/bin/env bash
# As tools/node.sh 24.
exec bash "$(dirname "$0")/node.sh" 24
