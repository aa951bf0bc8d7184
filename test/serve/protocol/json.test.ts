import { describe, expect, test } from "@jest/globals";
import { parseJson } from "#host/serve/protocol/json.js";

describe("parseJson", () => {
  test("keeps every bit of integers past 2^53", () => {
    const text = '{"data":[9007199254740993,-9223372036854775808,9223372036854775807,18446744073709551615,1234567890123456]}';
    expect(parseJson(text)).toEqual({
      data: [9007199254740993n, -9223372036854775808n, 9223372036854775807n, 18446744073709551615n, 1234567890123456],
    });
  });

  test("leaves strings, floats and exponents alone", () => {
    const text = String.raw`{"a":"9007199254740993","b\"9007199254740993":1.0000000000000001,"c":[1e16,12345678901234567e1,0.12345678901234567],"d":"\\"}`;
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  test.each([
    "01234567890123456",
    "[-01234567890123456]",
    "1234567890123456789-",
    '{"a":1234567890123456789',
    "[12345678901234567,]",
    '"1234567890123456789',
    "[1234567890123456789 1234567890123456789]",
    "{1234567890123456789:1}",
  ])("refuses %s as JSON.parse does", (text) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(() => parseJson(text)).toThrow();
  });

  test("does not take a string of the client for a number", () => {
    expect(parseJson('["00000000-0000-0000-0000-000000000000:123", 9007199254740993]')).toEqual([
      "00000000-0000-0000-0000-000000000000:123",
      9007199254740993n,
    ]);
  });
});
