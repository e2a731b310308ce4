/**
 * Completion for bash.
 * @module
 */
import { shellTable } from "./shell_table.ts";
import type { CommandWords } from "./words.ts";

/** A script for `source <(TOOL completion bash)`. */
export function bashScript(tool: string, words: readonly CommandWords[], kinds: readonly string[]): string {
  return `# bash completion for ${tool}, made by "${tool} completion bash"
${shellTable(tool, words)}
_${tool}_offer() {
  local word
  while read -r word; do
    # Bash replaces only what follows the last of its word breaks.
    if [[ -n $word && $word == "$1"* ]]; then COMPREPLY+=("\${word#"$2"}"); fi
  done
}
# KIND LOGIN CUR CUT SUFFIX: what is known of the cluster, behind the login that was typed.
_${tool}_known() {
  local file="\${TELEPORT_HOME:-$HOME/.tsh}/completion" want="$1 \${3#"$2"}" entry word
  local -a entries
  [[ -r $file ]] || return 0
  IFS=$'\\n' read -r -d '' -a entries < "$file"
  for entry in "\${entries[@]}"; do
    if [[ $entry == "$want"* ]]; then
      word=$2\${entry#* }$5
      COMPREPLY+=("\${word#"$4"}")
    fi
  done
}
_${tool}() {
  local line=\${COMP_LINE:0:COMP_POINT} cur='' cut='' route='' skip='' word='' count=0 i
  local commands options valued argument choices
  local -a before
  COMPREPLY=()
  # The word as it was typed: bash cuts it at : = and @.
  cur=\${line##*[[:space:]]}
  read -ra before <<< "\${line%"$cur"}"
  _${tool}_words ""
  for word in "\${before[@]:1}"; do
    if [[ -n $skip ]]; then skip=''; continue; fi
    case $word in
      -*=*) ;;
      -*) if [[ $valued == *" $word "* ]]; then skip=$word; fi ;;
      *)
        if [[ $count == 0 && $commands == *" $word "* ]]; then route+=" $word"; _${tool}_words "$route"
        else count=$((count + 1)); fi ;;
    esac
  done
  for ((i = 0; i < \${#cur}; i++)); do
    # A word break begins the next word if it is @, and is a word of its own if it is = or :.
    case \${cur:i:1} in
      [=:]) if [[ $COMP_WORDBREAKS == *"\${cur:i:1}"* ]]; then cut=\${cur:0:i+1}; fi ;;
      @) if [[ $COMP_WORDBREAKS == *@* ]]; then cut=\${cur:0:i}; fi ;;
    esac
  done
  if [[ -n $skip ]]; then
    _${tool}_choices "$route" "$skip"
    _${tool}_offer "$cur" "$cut" < <(printf '%s\\n' $choices)
  elif [[ $cur == --*=* ]]; then
    _${tool}_choices "$route" "\${cur%%=*}"
    _${tool}_offer "$cur" "$cut" < <(for word in $choices; do printf '%s\\n' "\${cur%%=*}=$word"; done)
  elif [[ $cur == -* ]]; then
    _${tool}_offer "$cur" "$cut" < <(printf '%s\\n' $options)
  elif [[ $count == 0 || $argument == "host or file" ]]; then
    local login=''
    if [[ $cur == *@* ]]; then login=\${cur%@*}@; fi
    if [[ $count == 0 ]]; then _${tool}_offer "$cur" "$cut" < <(printf '%s\\n' $commands); fi
    case $argument in
      host)
        _${tool}_known node "$login" "$cur" "$cut" ''
        _${tool}_known label "$login" "$cur" "$cut" '' ;;
      "host or file")
        _${tool}_known node "$login" "$cur" "$cut" :
        if [[ \${#COMPREPLY[@]} -gt 0 ]]; then compopt -o nospace 2>/dev/null; fi ;;
      label) _${tool}_known label '' "$cur" "$cut" '' ;;
      kind) _${tool}_offer "$cur" "$cut" < <(printf '%s\\n' ${kinds.join(" ")}) ;;
      shell) _${tool}_offer "$cur" "$cut" < <(printf '%s\\n' bash zsh fish) ;;
    esac
  fi
}
complete -o bashdefault -o default -F _${tool} ${tool}
`;
}
