// `completion`: scripts for shells, from the same lists as the help.
import { EXIT, type Exit, usage } from "./exit.js";
import { COMMANDS, type Command, type Option, OPTIONS } from "./flags.js";
import { print } from "./output.js";

const NAMES = (Object.keys(COMMANDS) as Command[]).filter((name) => name !== "URL");
/** What stands after an option or a command, where it is one of a few words. */
const STATES = "pending unknown paid failed";
const SHELLS = "bash zsh fish";

const long = (names: readonly Option[]) => names.map((name) => `--${name}`).join(" ");
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

const bash = () => `# l402-fetch completion for bash: source <(l402-fetch completion bash)
_l402_fetch() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words
  case $before in
    -o|--output) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --state) words=${quoted(STATES)} ;;
    completion) words=${quoted(SHELLS)} ;;
    *)
      case \${COMP_WORDS[1]} in
${NAMES.map((name) => `        ${name}) words=${quoted(long(COMMANDS[name].options))} ;;`).join("\n")}
        *) words=${quoted(long([...COMMANDS.URL.options, "help", "version"]))} ;;
      esac
      if [ "$COMP_CWORD" = 1 ]; then words="$words ${NAMES.join(" ")}"; fi ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _l402_fetch l402-fetch
`;

const zsh = () =>
  `#compdef l402-fetch
# l402-fetch completion for zsh: source <(l402-fetch completion zsh)
_l402_fetch() {
  case $words[CURRENT-1] in
    -o|--output) _files; return ;;
    --state) compadd ${STATES}; return ;;
    completion) compadd ${SHELLS}; return ;;
  esac
  case $words[2] in
${NAMES.map((name) => `    ${name}) compadd -- ${long(COMMANDS[name].options)} ;;`).join("\n")}
    *) compadd -- ${long([...COMMANDS.URL.options, "help", "version"])} ;;
  esac
  if (( CURRENT == 2 )); then compadd -- ${NAMES.join(" ")}; fi
}
compdef _l402_fetch l402-fetch
`;

function fishOption(command: Command, name: Option) {
  const { help, type, ...more } = OPTIONS[name];
  const others = NAMES.join(" ");
  const when =
    command === "URL" ? `not __fish_seen_subcommand_from ${others}` : `__fish_seen_subcommand_from ${command}`;
  const short = "short" in more ? ` -s ${more.short}` : "";
  const value = type === "boolean" ? "" : name === "output" ? " -r -F" : " -x";
  const words = name === "state" ? ` -a ${quoted(STATES)}` : "";
  return `complete -c l402-fetch -n ${quoted(when)} -l ${name}${short}${value}${words} -d ${quoted(help)}`;
}

const fish = () => `# l402-fetch completion for fish: l402-fetch completion fish | source
complete -c l402-fetch -f
${NAMES.map((name) => `complete -c l402-fetch -n __fish_use_subcommand -a ${name} -d ${quoted(COMMANDS[name].help)}`).join("\n")}
complete -c l402-fetch -n '__fish_seen_subcommand_from completion' -a ${quoted(SHELLS)}
${(Object.keys(COMMANDS) as Command[])
  .flatMap((command) => COMMANDS[command].options.map((name) => fishOption(command, name)))
  .join("\n")}
`;

export async function completion(shell: string | undefined): Promise<Exit> {
  const scripts = { bash, zsh, fish };
  if (!Object.hasOwn(scripts, shell ?? "")) throw usage(`completion needs a shell: ${SHELLS}`);
  await print(scripts[shell as keyof typeof scripts]());
  return EXIT.done;
}
