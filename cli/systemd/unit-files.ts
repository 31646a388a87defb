import { join } from "node:path";

/** Where an administrator's units are, systemd.unit(5). */
export const UNIT_FOLDER = "/etc/systemd/system";
export const SERVER_UNIT = "slipway.service";
export const CONTAINERS_UNIT = "slipway-containers.service";
/** Units without a Slice= of their own are in system.slice. */
const CONTAINERS_CGROUP = `/system.slice/${CONTAINERS_UNIT}`;
const HEADER = "# Written by `slipway install`, removed by `slipway uninstall`.";

export interface Installation {
  /** The pinned Node, and the modules of the server and of this command line. */
  node: string;
  serverEntry: string;
  cliEntry: string;
  /** The top of the checkout or package: it must be mounted before the server starts. */
  root: string;
  home: string;
  /** Absent: the server's own defaults. */
  httpPort: string | undefined;
  httpsPort: string | undefined;
}

/** The units by their names. */
export function unitFiles(installation: Installation): Record<string, string> {
  return { [SERVER_UNIT]: serverUnit(installation), [CONTAINERS_UNIT]: containersUnit() };
}

/**
 * KillMode=process: only the supervisor is told to end, which ends the platform's processes in order; containers are not its
 * to end. The limits are those that systemd's own units for container engines have.
 */
function serverUnit(installation: Installation): string {
  const { home, root, node, cliEntry } = installation;
  return `${HEADER}
[Unit]
Description=Slipway, event-driven services on this machine
After=network-online.target local-fs.target ${CONTAINERS_UNIT}
Wants=network-online.target
Requires=${CONTAINERS_UNIT}
RequiresMountsFor=${quote(home)} ${quote(root)}

[Service]
Type=notify
NotifyAccess=main
ExecStart=${serverCommand(installation).map(quoteInCommand).join(" ")}
ExecReload=${[node, cliEntry, "server", "--upgrade", "--home", home].map(quoteInCommand).join(" ")}
Environment=${quote(`SLIPWAY_HOME=${home}`)}
Environment=${quote(`SLIPWAY_CGROUP_PARENT=${CONTAINERS_CGROUP}`)}
Environment=${quote(`NODE_COMPILE_CACHE=${join(home, "cache/compile")}`)}
Delegate=yes
KillMode=process
Restart=on-failure
RestartSec=1s
TimeoutStartSec=5min
TimeoutStopSec=2min
OOMScoreAdjust=-500
LimitNOFILE=524288
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity

[Install]
WantedBy=multi-user.target
`;
}

/**
 * Sleeps in a leaf of the unit's cgroup: systemd takes the group of a unit without processes away, and one with processes of its own has no
 * controllers to hand down (cgroups(7), "no internal processes"). Ready when it has moved: the server starts after it.
 */
const HOLD_CGROUP = `g=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup); mkdir -p $g/keep && echo $$ >$g/keep/cgroup.procs; systemd-notify --ready; exec sleep infinity`;

/**
 * Nothing runs in this unit but containers and what holds its place: it is the part of the cgroup tree that systemd leaves to us. It stays
 * while the server is stopped, restarted or crashed, and stopping it (a shutdown does) ends every container.
 */
function containersUnit(): string {
  return `${HEADER}
[Unit]
Description=Slipway's containers

[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sh -c "${HOLD_CGROUP.replaceAll("$", () => "$$")}"
Delegate=yes
KillMode=control-group
TimeoutStopSec=10s
TasksMax=infinity
`;
}

function serverCommand({ node, serverEntry, home, httpPort, httpsPort }: Installation): string[] {
  return [
    node,
    serverEntry,
    "--home",
    home,
    ...(httpPort === undefined ? [] : ["--http-port", httpPort]),
    ...(httpsPort === undefined ? [] : ["--https-port", httpsPort]),
  ];
}

/** systemd.syntax(7): C-like escapes in double quotes, % doubled, or it is a specifier. */
function quote(word: string): string {
  const escaped = word.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%");
  return /^[\w/.:=%@+,-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** In a command line, $ begins a variable, too (systemd.service(5)). */
function quoteInCommand(word: string): string {
  return quote(word).replaceAll("$", () => "$$");
}
