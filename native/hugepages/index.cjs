let binding;
try {
  binding = require("./build/Release/hugepages.node");
} catch (cause) {
  throw new Error(`lagbag-hugepages was not built or does not load: ${cause.message.split("\n", 1)[0]}`, { cause });
}

module.exports = binding;
