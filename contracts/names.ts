import { Type } from "typebox";
import { INSTANCE_ID_PATTERN, INSTANCE_NAME_PATTERN, PROJECT_NAME_PATTERN, RESOURCE_NAME_PATTERN } from "./wire-names.ts";

export { INSTANCE_ID_PATTERN, INSTANCE_NAME_PATTERN, PROJECT_NAME_PATTERN, RESOURCE_NAME_PATTERN };

export const ProjectName = Type.String({ pattern: PROJECT_NAME_PATTERN });
export const ResourceName = Type.String({ pattern: RESOURCE_NAME_PATTERN });
export const InstanceName = Type.String({ pattern: INSTANCE_NAME_PATTERN });
export const InstanceId = Type.String({ pattern: INSTANCE_ID_PATTERN });
