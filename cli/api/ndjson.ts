/** The lines of a byte stream; a last one without a newline counts, an empty one does not. */
export async function* readLines(stream: AsyncIterable<unknown>): AsyncIterable<string> {
  let pending: Buffer[] = [];
  for await (const chunk of stream) {
    let rest = chunk as Buffer;
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      const line = Buffer.concat([...pending, rest.subarray(0, end)]).toString("utf8");
      pending = [];
      rest = rest.subarray(end + 1);
      if (line.trim() !== "") yield line;
    }
    if (rest.byteLength > 0) pending.push(rest);
  }
  const last = Buffer.concat(pending).toString("utf8");
  if (last.trim() !== "") yield last;
}
