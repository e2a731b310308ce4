/**
 * Completion for zsh.
 * @module
 */
import { shellTable } from "./shell_table.ts";
import type { CommandWords } from "./words.ts";

/** A script for `source <(TOOL completion zsh)`, or for a file `_TOOL` in a folder of `fpath`. */
export function zshScript(tool: string, words: readonly CommandWords[], kinds: readonly string[]): string {
  return `#compdef ${tool}
# zsh completion for ${tool}, made by "${tool} completion zsh"
${shellTable(tool, words)}
# What "tsh ls" and "tsh ssh" have seen, a word a line after its kind. Nothing of it is ever evaluated.
_${tool}_cached() {
  local file="\${TELEPORT_HOME:-$HOME/.tsh}/completion" kind value
  [ -r "$file" ] || return 0
  while read -r kind value; do
    if [ "$kind" = "$1" ]; then printf '%s\\n' "$value"; fi
  done < "$file"
}
_${tool}() {
  local route= skip= word= count=0 commands options valued argument choices
  _${tool}_words ""
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n $skip ]]; then skip=; continue; fi
    case $word in
      (-*=*) ;;
      (-*) if [[ $valued == *" $word "* ]]; then skip=$word; fi ;;
      (*)
        if [[ $count == 0 && $commands == *" $word "* ]]; then route+=" $word"; _${tool}_words "$route"
        else count=$((count + 1)); fi ;;
    esac
  done
  if [[ -n $skip ]]; then
    _${tool}_choices "$route" "$skip"
    if [[ -n $choices ]]; then compadd -- \${=choices}; else _files; fi
  elif [[ $PREFIX == --*=* ]]; then
    _${tool}_choices "$route" "\${PREFIX%%=*}"
    compset -P '*='
    if [[ -n $choices ]]; then compadd -- \${=choices}; else _files; fi
  elif [[ $PREFIX == -* ]]; then
    compadd -- \${=options}
  elif [[ $count == 0 || $argument == "host or file" ]]; then
    if [[ $count == 0 && -n \${commands// /} ]]; then compadd -- \${=commands}; fi
    case $argument in
      (host) compset -P '*@'; compadd -- \${(f)"$(_${tool}_cached node)"} \${(f)"$(_${tool}_cached label)"} ;;
      ("host or file")
        _files
        compset -P '*@'
        local known="$(_${tool}_cached node)"
        if [[ -n $known ]]; then compadd -S '' -- \${^\${(f)known}}:; fi ;;
      (label) compadd -- \${(f)"$(_${tool}_cached label)"} ;;
      (kind) compadd -- ${kinds.join(" ")} ;;
      (shell) compadd -- bash zsh fish ;;
      (*) if [[ -z \${commands// /} ]]; then _files; fi ;;
    esac
  else
    _files
  fi
}
if [[ $funcstack[1] == _${tool} ]]; then _${tool} "$@"; elif (( $+functions[compdef] )); then compdef _${tool} ${tool}; fi
`;
}
