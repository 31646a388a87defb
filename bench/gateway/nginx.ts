import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Starts an nginx of one worker on one CPU; it ends when disposed. */
export async function startNginx(
  folder: string,
  name: string,
  cpu: number,
  server: string,
): Promise<AsyncDisposable & { pid: number }> {
  const config = join(folder, `${name}.conf`);
  await writeFile(
    config,
    `daemon off; worker_processes 1; pid ${folder}/${name}.pid; error_log ${folder}/${name}.log;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000; client_body_temp_path ${folder}/${name}.body; proxy_temp_path ${folder}/${name}.proxy;
fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
${server} }
`,
  );
  const child = spawn("taskset", ["-c", String(cpu), "nginx", "-e", `${folder}/${name}.log`, "-c", config], {
    stdio: "inherit",
  });
  await once(child, "spawn");
  return {
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      const ended = once(child, "exit");
      child.kill("SIGQUIT");
      await ended;
    },
  };
}

/** A reverse proxy as the gateway is one: TLS, HTTP/2, kept connections to the target, forwarding headers. */
export const proxyServer = (
  folder: string,
  port: number,
  targetPort: number,
): string => `upstream target { server 127.0.0.1:${targetPort}; keepalive 64; }
server { listen ${port} ssl http2; listen [::]:${port} ssl http2; server_name localhost;
ssl_certificate ${folder}/nginx.crt; ssl_certificate_key ${folder}/nginx.key;
location / { proxy_pass http://target; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Request-Id $request_id; } }`;

/** The target: 1 KiB of text. */
export const targetServer = (port: number): string =>
  `server { listen 127.0.0.1:${port}; location / { default_type text/plain; return 200 "${"x".repeat(1024)}"; } }`;
