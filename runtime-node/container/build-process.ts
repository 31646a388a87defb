import type { ProcessLaunch } from "../launch/container-launch.ts";
import type { NodeServices } from "./node-services.ts";
import { resolvePrivileges } from "./privileges.ts";
import { environmentStrings, execCandidates, resolveArgv, resolveEnvironment } from "./process-spec.ts";
import { readRootFile } from "./root-file.ts";
import { CREDENTIALS_TARGET } from "./secrets.ts";
import type { StartRequest } from "./start-container.ts";
import { resolveUser } from "./user.ts";

/** What the service and its image say about the process, and what the platform adds to its environment. */
export function buildProcess(node: NodeServices, { assignment, folder, image }: StartRequest): ProcessLaunch {
  const { spec } = assignment;
  const argv = resolveArgv(spec, image.config);
  const layers = [folder.upper, ...image.layers.map(({ path }) => path).toReversed()];
  const read = (path: string): string => readRootFile(node.kernel, layers, path);
  const user = resolveUser(spec.user ?? image.config.user, { passwd: read("/etc/passwd"), group: read("/etc/group") });
  const environment = resolveEnvironment(
    image.config,
    {
      HOSTNAME: spec.hostname ?? assignment.instanceId,
      HOME: user.home,
      SLIPWAY_PROJECT: assignment.project,
      SLIPWAY_SERVICE: assignment.service,
      SLIPWAY_INSTANCE: assignment.name,
      ...(spec.networks.length === 0 ? {} : { NATS_URL: node.credentials.natsUrl, NATS_CREDS: CREDENTIALS_TARGET }),
    },
    spec.environment,
  );
  return {
    argv,
    candidates: execCandidates(argv[0] ?? "", environment.get("PATH")),
    env: environmentStrings(environment),
    workingDir: spec.workingDir ?? (image.config.workingDir || "/"),
    uid: user.uid,
    gid: user.gid,
    groups: user.groups,
    ...resolvePrivileges(spec),
  };
}
