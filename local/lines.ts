import { StringDecoder } from "node:string_decoder";

/** Longer lines are cut into pieces of this many characters: they come from strangers, and memory is ours. */
export const LONGEST_LINE = 8192;

/** Takes bytes as they come and gives whole lines. */
export interface LineSplitter {
  write(chunk: Uint8Array): void;
  /** Gives the last line, if it did not end with a newline. */
  end(): void;
}

/** Splits UTF-8 into lines, without their `\n` or `\r\n`; a character cut by the edge of a chunk stays whole. */
export function createLineSplitter(onLine: (line: string) => void): LineSplitter {
  const decoder = new StringDecoder("utf8");
  let rest = "";

  const give = (line: string) => onLine(line.endsWith("\r") ? line.slice(0, -1) : line);

  const take = (text: string) => {
    rest += text;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      for (const piece of pieces(line)) give(piece);
    }
    while (rest.length > LONGEST_LINE) {
      give(rest.slice(0, LONGEST_LINE));
      rest = rest.slice(LONGEST_LINE);
    }
  };

  const end = () => {
    take(decoder.end());
    if (rest !== "") give(rest);
    rest = "";
  };

  return { write: (chunk) => take(decoder.write(Buffer.from(chunk))), end };
}

function* pieces(line: string): Generator<string> {
  if (line.length <= LONGEST_LINE) {
    yield line;
    return;
  }
  for (let start = 0; start < line.length; start += LONGEST_LINE)
    yield line.slice(start, start + LONGEST_LINE);
}
