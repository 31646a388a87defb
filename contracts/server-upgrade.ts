import { type Static, Type } from "typebox";

/**
 * `slipway server --upgrade` talks to the running supervisor over a unix socket of its own (0600), one JSON object a line. The supervisor
 * becomes the new program in the middle of it, which ends the connection: whoever wants to know more connects again, and follows.
 */
export const UpgradeRequest = Type.Union([
  /** Become this program: a Node and an entry of the package, absolute paths. */
  Type.Object({
    type: Type.Literal("upgrade"),
    program: Type.Object({ node: Type.String(), entry: Type.String(), compileCache: Type.Optional(Type.String()) }),
  }),
  /** Tell what was and will be said of the upgrade under way. */
  Type.Object({ type: Type.Literal("follow") }),
]);
export type UpgradeRequest = Static<typeof UpgradeRequest>;

export type Program = Extract<UpgradeRequest, { type: "upgrade" }>["program"];

export const UpgradeLine = Type.Union([
  Type.Object({ type: Type.Literal("progress"), message: Type.String() }),
  /** The next thing is the new program, with this pid. */
  Type.Object({ type: Type.Literal("replacing"), pid: Type.Integer() }),
  Type.Object({ type: Type.Literal("done"), version: Type.String() }),
  Type.Object({ type: Type.Literal("failed"), code: Type.String(), message: Type.String(), remedy: Type.String() }),
]);
export type UpgradeLine = Static<typeof UpgradeLine>;
