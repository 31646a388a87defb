/** An archive is not a tar archive, or a broken one. Who reads it says which one, and what that means. */
export class TarError extends Error {
  override readonly name = "TarError";
}

export function corrupt(reason: string): TarError {
  return new TarError(`the tar archive is broken: ${reason}`);
}
