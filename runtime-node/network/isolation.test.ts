import { describeIsolation } from "./isolation-suite.ts";

describeIsolation("unfiltered");
