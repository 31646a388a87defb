// Plain JavaScript, since the compile cache must be on before the first module with types is read.
import { enableCompileCache } from "node:module";

enableCompileCache();
await import("./main.ts");
