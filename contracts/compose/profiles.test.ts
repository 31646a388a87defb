import { expect, test } from "vitest";
import { ComposeFileError } from "./errors.ts";
import { parseComposeFile } from "./parse-compose-file.ts";

const FILE = `services:
  web: { image: host }
  shell: { image: host, profiles: [debug, dev] }
  mail: { image: host, profiles: [dev] }
networks: { default: }
`;

interface Choice {
  profiles?: string[];
  variable?: string;
}
const services = ({ profiles, variable }: Choice, text = FILE): string[] =>
  Object.keys(
    parseComposeFile({
      text,
      directory: "/nowhere",
      projectName: "p",
      environment: variable === undefined ? {} : { COMPOSE_PROFILES: variable },
      ...(profiles === undefined ? {} : { profiles }),
    }).services,
  );

function mistakes(text: string, profiles: string[] = []): string[] {
  try {
    services({ profiles }, text);
    return [];
  } catch (error) {
    if (!(error instanceof ComposeFileError)) throw error;
    return error.errors.map(({ message, remedy, place }) => `${place?.line}: ${message} → ${remedy}`);
  }
}

test("a service with profiles is there when one of them is in force", () => {
  expect(services({})).toEqual(["web"]);
  expect(services({ profiles: ["debug"] })).toEqual(["web", "shell"]);
  expect(services({ profiles: ["dev"] })).toEqual(["web", "shell", "mail"]);
  expect(services({ profiles: ["*"] })).toEqual(["web", "shell", "mail"]);
});

test("COMPOSE_PROFILES names profiles with commas, and flags go before it", () => {
  expect(services({ variable: "debug, dev" })).toEqual(["web", "shell", "mail"]);
  expect(services({ variable: "dev", profiles: ["debug"] })).toEqual(["web", "shell"]);
});

test("a dependency on a service whose profiles are not in force is refused with the flag that helps", () => {
  const text = FILE.replace("web: { image: host }", "web: { image: host, depends_on: [mail] }");
  expect(mistakes(text)).toEqual([
    "2: services.web depends on mail, which belongs to the profile dev, and none of them is in force → " +
      "Add --profile dev, or mark the dependency `required: false`.",
  ]);
  expect(mistakes(text, ["dev"])).toEqual([]);
  expect(mistakes(text.replace("[mail]", "{ mail: { condition: service_started, required: false } }"))).toEqual([]);
});

test("a mistake in a service that is not in force is a mistake all the same", () => {
  expect(
    mistakes("services:\n  web: { image: host }\n  x: { image: host, profiles: [a], ports: [nonsense] }\n"),
  ).toHaveLength(1);
  expect(mistakes("services:\n  web: { image: host }\n  x: { image: host, profiles: ['-a'] }\n")).toEqual([
    expect.stringContaining('3: services.x.profiles: "-a" is no profile\'s name'),
  ]);
});

test("what only services that are not in force claim is free", () => {
  const both = `services:
  a: { image: host, ports: ["80:80"] }
  b: { image: host, ports: ["80:80"], profiles: [other] }
`;
  expect(mistakes(both)).toEqual([]);
  expect(mistakes(both, ["other"])).toHaveLength(1);
});

test("a file none of whose services is in force is refused", () => {
  expect(mistakes("services:\n  x: { image: host, profiles: [a, b] }\n")).toEqual([
    expect.stringMatching(/^2: all services of the file belong to the profiles a, b, .* → Add --profile a/),
  ]);
});
