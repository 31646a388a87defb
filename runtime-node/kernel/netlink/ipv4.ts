/** The four bytes of a dotted IPv4 address; throws a RangeError for anything else. */
export function ipv4Bytes(address: string): Buffer {
  const parts = address.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)) {
    throw new RangeError(`${JSON.stringify(address)} is not an IPv4 address`);
  }
  return Buffer.from(parts.map(Number));
}

export function formatIpv4(bytes: Uint8Array): string {
  return bytes.subarray(0, 4).join(".");
}

/** The six bytes of `02:42:…`; throws a RangeError for anything else. */
export function macBytes(mac: string): Buffer {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac)) throw new RangeError(`${JSON.stringify(mac)} is not a MAC address`);
  return Buffer.from(mac.replaceAll(":", ""), "hex");
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
