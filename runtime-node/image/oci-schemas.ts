import { type Static, Type } from "typebox";

/** OCI image-spec 1.1: the parts that we read. Fields that we do not know are left alone, as the spec asks. */
const Digest = Type.String({ pattern: "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$" });
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));
const Strings = Type.Record(Type.String(), Type.String());
/** Go writes sets as objects with empty values. */
const StringSet = Type.Record(Type.String(), Type.Unknown());
const Size = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const Descriptor = Type.Object({ mediaType: Type.String(), digest: Digest, size: Size });
export type Descriptor = Static<typeof Descriptor>;

export const Platform = Type.Object({
  architecture: Type.String(),
  os: Type.String(),
  variant: Type.Optional(Type.String()),
});
export type Platform = Static<typeof Platform>;

export const IndexEntry = Type.Object({
  mediaType: Type.String(),
  digest: Digest,
  size: Size,
  platform: Nullable(Platform),
  annotations: Nullable(Strings),
});
export type IndexEntry = Static<typeof IndexEntry>;

export const ImageIndex = Type.Object({ mediaType: Type.Optional(Type.String()), manifests: Type.Array(IndexEntry) });
export type ImageIndex = Static<typeof ImageIndex>;

export const ImageManifest = Type.Object({
  mediaType: Type.Optional(Type.String()),
  config: Descriptor,
  layers: Type.Array(Descriptor),
});
export type ImageManifest = Static<typeof ImageManifest>;

const HealthConfig = Type.Object({
  Test: Nullable(Type.Array(Type.String())),
  /** Nanoseconds; 0 is the default. */
  Interval: Type.Optional(Type.Number()),
  Timeout: Type.Optional(Type.Number()),
  StartPeriod: Type.Optional(Type.Number()),
  StartInterval: Type.Optional(Type.Number()),
  Retries: Type.Optional(Type.Number()),
});
export type HealthConfig = Static<typeof HealthConfig>;

export const ImageConfigFile = Type.Object({
  architecture: Type.String(),
  os: Type.String(),
  created: Nullable(Type.String()),
  rootfs: Type.Object({ type: Type.Literal("layers"), diff_ids: Type.Union([Type.Array(Digest), Type.Null()]) }),
  config: Nullable(
    Type.Object({
      User: Type.Optional(Type.String()),
      Env: Nullable(Type.Array(Type.String())),
      WorkingDir: Type.Optional(Type.String()),
      Entrypoint: Nullable(Type.Array(Type.String())),
      Cmd: Nullable(Type.Array(Type.String())),
      Labels: Nullable(Strings),
      StopSignal: Type.Optional(Type.String()),
      ExposedPorts: Nullable(StringSet),
      Volumes: Nullable(StringSet),
      Healthcheck: Nullable(HealthConfig),
    }),
  ),
});
export type ImageConfigFile = Static<typeof ImageConfigFile>;

/** `manifest.json` of an archive made by `docker save`. */
export const DockerArchive = Type.Array(
  Type.Object({ Config: Type.String(), RepoTags: Nullable(Type.Array(Type.String())), Layers: Type.Array(Type.String()) }),
);
export type DockerArchive = Static<typeof DockerArchive>;
