import type { PlatformEvent, RecordedEvent } from "#contracts/event.ts";

const PREFIX = "dev.slipway.";

/** One event of an instance, or of what it is a part of. */
export interface Happening {
  /** `instance.started` */
  type: string;
  subject: string;
  time: string;
  data: PlatformEvent["data"];
}

export interface InstanceEvents {
  project: string;
  service: string;
  name: string;
  /** Its own, the oldest first. */
  own: Happening[];
  /** Of its project and service, and of the platform. */
  around: Happening[];
}

/** The instances that `name` means (an instance's name or id, a service, `<project>/<service>`), with what happened to each. */
export function instancesNamed(
  name: string,
  project: string | undefined,
  recorded: readonly RecordedEvent[],
): InstanceEvents[] {
  const all = recorded.map(({ event }) => toHappening(event));
  const found = new Map<string, InstanceEvents>();
  for (const happening of all) {
    const [ofProject = "", service = "", instance] = happening.subject.split("/");
    if (instance === undefined || !isMeant(name, { project: ofProject, service, instance, happening })) continue;
    if (!happening.type.startsWith("instance.")) continue;
    const known = found.get(happening.subject) ?? { project: ofProject, service, name: instance, own: [], around: [] };
    found.set(happening.subject, known);
    known.own.push(happening);
  }
  const meant = [...found.values(), ...waitingServices(name, all)];
  const inProject = meant.filter((each) => each.project === project);
  const chosen = inProject.length > 0 ? inProject : meant;
  for (const each of chosen) {
    each.own = ofNewest(each.own);
    each.around = all.filter(({ subject, type }) => isAround(each, subject, type));
  }
  return chosen;
}

/** A replaced instance had the same name and another id: while it is still being stopped, its successor is who is meant. */
function ofNewest(own: Happening[]): Happening[] {
  const newest = own.findLast(({ type, data }) => type === "instance.assigned" && data["instanceId"] !== undefined);
  const id = newest?.data["instanceId"];
  return id === undefined ? own : own.filter(({ data }) => data["instanceId"] === undefined || data["instanceId"] === id);
}

/** Services that wait and have no instance to tell of: the newest of their events says for what. */
function waitingServices(name: string, all: readonly Happening[]): InstanceEvents[] {
  const newest = new Map<string, Happening>();
  for (const happening of all) {
    const [project = "", service] = happening.subject.split("/");
    if (happening.type === "project.removed")
      for (const known of newest.keys()) if (known.startsWith(`${project}/`)) newest.delete(known);
    if (service !== undefined && /^(service\.waiting|instance\.)/.test(happening.type))
      newest.set(`${project}/${service}`, happening);
  }
  return [...newest]
    .filter(([, { type }]) => type === "service.waiting")
    .map(([subject, happening]): InstanceEvents => {
      const [project = "", service = ""] = subject.split("/");
      return { project, service, name: subject, own: [happening], around: [] };
    })
    .filter(
      ({ project, service }) => name === service || name === `${project}/${service}` || isReplica(name, project, service),
    );
}

/** `shop-web-1` is a replica of shop/web, also while there is none. */
const isReplica = (name: string, project: string, service: string): boolean =>
  name.startsWith(`${project}-${service}-`) && /^\d+$/.test(name.slice(project.length + service.length + 2));

function isMeant(
  name: string,
  { project, service, instance, happening }: { project: string; service: string; instance: string; happening: Happening },
): boolean {
  if (name === instance || name === service || name === `${project}/${service}`) return true;
  const { instanceId } = happening.data;
  return typeof instanceId === "string" && /^[0-9a-f]{4,12}$/.test(name) && instanceId.startsWith(name);
}

const isAround = ({ project, service }: InstanceEvents, subject: string, type: string): boolean =>
  subject === project || subject === `${project}/${service}` || type.startsWith("node.");

function toHappening({ type, subject, time, data }: PlatformEvent): Happening {
  return { type: type.startsWith(PREFIX) ? type.slice(PREFIX.length) : type, subject, time, data };
}
