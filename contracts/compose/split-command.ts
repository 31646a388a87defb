/**
 * Splits a command line into words as a POSIX shell does (quotes, backslashes), and does nothing else that a shell does: Compose
 * runs none. An empty line is no words.
 * @throws RangeError for an open quote
 */
export function splitCommand(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: "'" | '"' | undefined;
  for (let at = 0; at < line.length; at++) {
    const character = line[at]!;
    if (quote !== undefined && character === quote) {
      quote = undefined;
    } else if (character === "\\" && quote !== "'") {
      at += 1;
      word = (word ?? "") + escaped(line[at], quote, line);
    } else if (quote === undefined && (character === "'" || character === '"')) {
      quote = character;
      word ??= "";
    } else if (quote === undefined && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (quote !== undefined) throw new RangeError(`the quote ${quote} is not closed in ${JSON.stringify(line)}`);
  return word === undefined ? words : [...words, word];
}

/** Between double quotes a backslash is one unless it stands before `"`, `\`, `$` or a back quote (POSIX 2.2.3). */
function escaped(next: string | undefined, quote: string | undefined, line: string): string {
  if (next === undefined) throw new RangeError(`${JSON.stringify(line)} ends in a backslash`);
  return quote === '"' && !'"\\$`'.includes(next) ? `\\${next}` : next;
}
