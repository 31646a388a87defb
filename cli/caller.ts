type Environment = Readonly<Record<string, string | undefined>>;

/** Who runs this command, for the platform's events: `uid 0 (by sudo of uid 1000)`. It is told, not proven. */
export function callerOf(environment: Environment): string {
  const uid = process.getuid?.();
  const own = uid === undefined ? "an unknown user" : `uid ${uid}`;
  const behind = environment.SUDO_UID;
  return behind !== undefined && /^\d{1,10}$/.test(behind) && behind !== String(uid)
    ? `${own} (by sudo of uid ${behind})`
    : own;
}
