import { execFileSync } from "node:child_process";
import { describeIsolation } from "./isolation-suite.ts";

// Loading the module changes how the whole machine filters: only in a virtual machine that is ours.
if (process.env.SLIPWAY_TEST_VM !== undefined) execFileSync("modprobe", ["br_netfilter"]);

describeIsolation("filtered");
