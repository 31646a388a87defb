import { cliError } from "../errors.ts";
import { SCRIPTS, type Shell } from "../completion/scripts.ts";
import { defineVerb } from "../verb.ts";

export const completion = defineVerb({
  name: "completion",
  operands: "SHELL",
  minimumOperands: 1,
  maximumOperands: 1,
  summary: "print the completion script of bash, zsh or fish",
  details: `bash: source <(slipway completion bash), in ~/.bashrc
zsh:  source <(slipway completion zsh), in ~/.zshrc after compinit
fish: slipway completion fish > ~/.config/fish/completions/slipway.fish`,
  flags: {},
  run: async ({ operands, terminal }) => {
    const [shell] = operands as [string];
    const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell as Shell] : undefined;
    if (script === undefined) {
      const message = `slipway has no completion for ${JSON.stringify(shell)}`;
      throw cliError("SLIPWAY_CLI_USAGE", message, { remedy: `There is one for ${Object.keys(SCRIPTS).join(", ")}.` });
    }
    terminal.stdout.write(script);
  },
});
