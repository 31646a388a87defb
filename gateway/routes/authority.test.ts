import { expect, test } from "vitest";
import { parseAuthority } from "./authority.ts";

test.each([
  ["shop.example", { host: "shop.example", port: undefined }],
  ["Shop.EXAMPLE.:8443", { host: "shop.example", port: 8443 }],
  ["localhost", { host: "localhost", port: undefined }],
  ["127.0.0.1:80", { host: "127.0.0.1", port: 80 }],
  ["[::1]:443", { host: "[::1]", port: 443 }],
  ["my_service.test", { host: "my_service.test", port: undefined }],
])("%s names a host", (text, authority) => {
  expect(parseAuthority(text)).toEqual(authority);
});

test.each([
  "",
  ":80",
  "a b",
  "a/b",
  "user@host",
  "host:0",
  "host:65536",
  "host:1:2",
  "host:",
  "a..b",
  "[::1",
  "[::g]",
  'a"b',
  "a,b",
  "a\tb",
  `${"a".repeat(64)}.test`,
  `${"a.".repeat(130)}test`,
  "xn--é.test",
])("%j names no host", (text) => {
  expect(parseAuthority(text)).toBeUndefined();
});
