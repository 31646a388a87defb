/** The shells that have a script. */
export type Shell = "bash" | "zsh" | "fish";

/** Bash takes words apart at : and = (COMP_WORDBREAKS); they are put together again, and what bash holds already is taken off the answers. */
const BASH = `# slipway: completion for bash. Load it with: source <(slipway completion bash)
_slipway() {
  local words=() word joined value i
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ \${#words[@]} -gt 0 && ( $word == [:=] || $joined == 1 ) ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
    if [[ $word == [:=] ]]; then joined=1; else joined=0; fi
  done
  local current=\${words[-1]}
  local held=\${current%"\${current##*[:=]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    if [[ $value == :files ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "\${current#"$held"}")
    elif [[ $value == "$current"* ]]; then
      COMPREPLY+=("\${value#"$held"}")
    fi
  done < <("\${COMP_WORDS[0]}" __complete -- "\${words[@]}" 2>/dev/null)
}
complete -F _slipway slipway
`;

const ZSH = `#compdef slipway
# slipway: completion for zsh. Load it (after compinit) with: source <(slipway completion zsh)
_slipway() {
  local -a candidates
  local value description files=0
  while IFS=$'\\t' read -r value description; do
    if [[ $value == :files ]]; then files=1; else candidates+=("\${value//:/\\\\:}:$description"); fi
  done < <("\${(Q)words[1]}" __complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  (( \${#candidates} )) && _describe -t slipway slipway candidates
  (( files )) && _files
}
compdef _slipway slipway
`;

const FISH = `# slipway: completion for fish. Load it with: slipway completion fish | source
function __slipway_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c slipway -f -a '(__slipway_complete)'
`;

export const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
