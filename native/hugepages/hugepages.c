/*
 * lagbag-hugepages: asks Linux for huge pages under the bytes of a typed array.
 *
 *   advise(bytes: Uint8Array) -> { address: bigint, errno: number }
 *
 * madvise(MADV_HUGEPAGE) over the whole pages inside `bytes`. address: where bytes start. errno: 0, or why the system refused. It is a
 * hint: whether huge pages came shows in /proc/self/smaps once the bytes have been written. Nothing is kept, nothing is allocated.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 6
#include <errno.h>
#include <node_api.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define TRY(call) \
  do { \
    if ((call) != napi_ok) return NULL; \
  } while (0)

static napi_value advise(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  TRY(napi_get_cb_info(env, info, &count, &argument, NULL, NULL));
  bool is_typed = false;
  if (count == 1) TRY(napi_is_typedarray(env, argument, &is_typed));
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void *data = NULL;
  if (is_typed) TRY(napi_get_typedarray_info(env, argument, &type, &length, &data, NULL, NULL));
  if (type != napi_uint8_array) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "advise: expected one Uint8Array");
    return NULL;
  }

  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t address = (uintptr_t)data;
  const uintptr_t begin = (address + page - 1) / page * page;
  const uintptr_t end = (address + length) / page * page;
  int refused = 0;
#ifdef MADV_HUGEPAGE
  if (begin < end && madvise((void *)begin, end - begin, MADV_HUGEPAGE) != 0) refused = errno;
#else
  refused = ENOSYS;
#endif

  napi_value result, value;
  TRY(napi_create_object(env, &result));
  TRY(napi_create_bigint_uint64(env, address, &value));
  TRY(napi_set_named_property(env, result, "address", value));
  TRY(napi_create_int32(env, refused, &value));
  TRY(napi_set_named_property(env, result, "errno", value));
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  TRY(napi_create_function(env, "advise", NAPI_AUTO_LENGTH, advise, NULL, &function));
  TRY(napi_set_named_property(env, exports, "advise", function));
  return exports;
}
