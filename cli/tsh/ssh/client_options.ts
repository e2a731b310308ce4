/**
 * `-o Key=Value` as ssh_config(5) has them: those with an effect here, and those that are taken without one.
 * @module
 */
import { AppError } from "../../../src/base/errors.ts";
import type { SshCall } from "./call.ts";
import { parseForward } from "./forward_spec.ts";

type Setter = (call: SshCall, value: string, name: string) => void;

/** By name in small letters. */
const EFFECTIVE: Readonly<Record<string, Setter>> = {
  batchmode: (call, value, name) => call.batch = yes(name, value),
  connecttimeout: (call, value, name) => call.connectTimeout = seconds(name, value),
  dynamicforward: (call, value) => void call.localForwards.push(parseForward("D", value)),
  escapechar: (call, value) => call.escape = value === "none" ? undefined : value,
  exitonforwardfailure: (call, value, name) => call.exitOnForwardFailure = yes(name, value),
  forkafterauthentication: (call, value, name) => call.background = yes(name, value),
  forwardagent: (call, value) => call.forwardAgent = value.toLowerCase() !== "no",
  forwardx11: (call, value, name) => call.x11 = yes(name, value),
  hostname: (call, value) => call.target = `${/^.*@/.exec(call.target ?? "")?.[0] ?? ""}${value}`,
  identityfile: (call, value) => call.identity ??= value,
  localforward: (call, value) => void call.localForwards.push(parseForward("L", joined(value))),
  loglevel: (call, value) => {
    const level = value.toUpperCase();
    call.quiet = level === "QUIET";
    const debug = /^(?:VERBOSE|DEBUG([123])?)$/.exec(level);
    if (debug) call.verbose = Number(debug[1] ?? 1);
  },
  port: (call, value, name) => call.port = port(name, value),
  remotecommand: (call, value) => {
    if (value !== "none") call.words = [value];
  },
  remoteforward: (call, value) => void call.remoteForwards.push(parseForward("R", joined(value))),
  requesttty: (call, value, name) => {
    const choice = value.toLowerCase();
    if (choice === "no" || choice === "auto" || choice === "force") call.terminal = choice;
    else call.terminal = yes(name, value) ? "yes" : "no";
  },
  sendenv: (call, value) => {
    for (const pattern of value.split(/\s+/)) {
      if (pattern.startsWith("-")) call.sendEnv = call.sendEnv.filter((kept) => kept !== pattern.slice(1));
      else call.sendEnv.push(pattern);
    }
  },
  serveraliveinterval: (call, value, name) => call.keepAlive = seconds(name, value),
  sessiontype: (call, value) => {
    call.noCommand = value === "none";
    call.subsystem = value === "subsystem";
  },
  setenv: (call, value) => {
    for (const [, name = "", text = ""] of value.matchAll(/([^\s=]+)=("[^"]*"|\S*)/g)) {
      call.setEnv[name] = text.replace(/^"|"$/g, "");
    }
  },
  stdinnull: (call, value, name) => call.stdinNull = yes(name, value),
  user: (call, value) => call.login ??= value,
};

/** Taken for the sake of the programs that set them; host certificates, the cluster's profile or its rules decide. */
const IGNORED = new Set(
  ("AddKeysToAgent AddressFamily BindAddress BindInterface CanonicalDomains CanonicalizeFallbackLocal " +
    "CanonicalizeHostname CanonicalizeMaxDots CanonicalizePermittedCNAMEs CASignatureAlgorithms CertificateFile " +
    "CheckHostIP Ciphers ClearAllForwardings Compression ConnectionAttempts ControlMaster ControlPath ControlPersist " +
    "EnableEscapeCommandline EnableSSHKeysign FingerprintHash ForwardX11Timeout ForwardX11Trusted GatewayPorts " +
    "GlobalKnownHostsFile GSSAPIAuthentication GSSAPIDelegateCredentials HashKnownHosts HostbasedAcceptedAlgorithms " +
    "HostbasedAuthentication HostKeyAlgorithms HostKeyAlias IdentitiesOnly IdentityAgent IgnoreUnknown IPQoS " +
    "KbdInteractiveAuthentication KbdInteractiveDevices KexAlgorithms KnownHostsCommand LocalCommand LogVerbose MACs " +
    "NoHostAuthenticationForLocalhost NumberOfPasswordPrompts PasswordAuthentication PermitLocalCommand " +
    "PermitRemoteOpen PKCS11Provider PreferredAuthentications ProxyCommand ProxyJump ProxyUseFdpass " +
    "PubkeyAcceptedAlgorithms PubkeyAcceptedKeyTypes PubkeyAuthentication RekeyLimit RequiredRSASize " +
    "RevokedHostKeys SecurityKeyProvider ServerAliveCountMax StreamLocalBindMask StreamLocalBindUnlink " +
    "StrictHostKeyChecking SyslogFacility TCPKeepAlive Tag Tunnel TunnelDevice UpdateHostKeys UserKnownHostsFile " +
    "VerifyHostKeyDNS VisualHostKey XAuthLocation").toLowerCase().split(" "),
);

/** Applies one `Key=Value` or `Key Value`. @throws {AppError} bad_input */
export function applyOption(call: SshCall, text: string): void {
  const match = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(text);
  const [, name = "", value = ""] = match ?? [];
  const key = name.toLowerCase();
  const set = Object.hasOwn(EFFECTIVE, key) ? EFFECTIVE[key] : undefined;
  if (!match || value === "") {
    throw new AppError("bad_input", `-o "${text}" is not an option; write Key=Value`);
  }
  if (set) set(call, value.replace(/^"(.*)"$/, "$1"), name);
  else if (IGNORED.has(key)) call.notes.push(`-o ${name} has no effect here`);
  else throw new AppError("bad_input", `-o ${name}: there is no such option`);
}

export function yes(name: string, value: string): boolean {
  if (/^(?:yes|true)$/i.test(value)) return true;
  if (/^(?:no|false)$/i.test(value)) return false;
  throw new AppError("bad_input", `${name} is yes or no, not "${value}"`);
}

export function port(name: string, value: string): number {
  const number = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (number < 1 || number > 65535) throw new AppError("bad_input", `${name}: "${value}" is not a port`);
  return number;
}

function seconds(name: string, value: string): number {
  if (!/^\d{1,6}$/.test(value)) {
    throw new AppError("bad_input", `${name}: "${value}" is no number of seconds`);
  }
  return Number(value) * 1000;
}

/** ssh_config writes forwardings with a blank where the command line has a colon. */
function joined(value: string): string {
  return value.trim().replace(/\s+/, ":");
}
