import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Daemon, run, startDaemon } from "../peers/command.ts";

/** Starts Caddy on CPU 0 with one thread of Go, as a reverse proxy with the same certificate. */
export async function startCaddy(folder: string, port: number, targetPort: number): Promise<Daemon> {
  const config = join(folder, "Caddyfile");
  await writeFile(
    config,
    `{
  admin off
  auto_https off
}
https://localhost:${port} {
  tls ${folder}/nginx.crt ${folder}/nginx.key
  reverse_proxy 127.0.0.1:${targetPort}
}
`,
  );
  const home = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, GOMAXPROCS: "1" };
  return startDaemon(["taskset", "-c", "0", "caddy", "run", "--config", config, "--adapter", "caddyfile"], {
    log: join(folder, "caddy.log"),
    env: home,
    isUp: () => run("curl", ["-skf", "-o", "/dev/null", `https://localhost:${port}/`]),
  });
}
