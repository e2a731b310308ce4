/**
 * The bounds and intervals of the system, in milliseconds unless the name says otherwise.
 * @module
 */
import { DAY, HOUR, MINUTE, SECOND } from "../base/duration.ts";

export const CERTIFICATE_TTL = { default: 23 * HOUR, min: MINUTE, max: 30 * HOUR };
/** Certificates start to be valid a little in the past, for clocks that run apart. */
export const CLOCK_SKEW = MINUTE;
/** Host certificates are renewed long before they end, so that a host may be away for a while. */
export const HOST_CERTIFICATE = { ttl: 30 * DAY, renewAfter: 10 * DAY };
/** What a recording proxy shows in the place of a host; it gets a new one after half of that. */
export const TARGET_CERTIFICATE = { ttl: 12 * HOUR };
/** The longest life of a certificate that an administrator signs for a robot: ten years. */
export const SIGNED_TTL = { default: 12 * HOUR, max: 3650 * DAY };
/** A browser's login; roles may shorten it. Of one user's sessions beyond the bound the oldest ends. */
export const WEB_SESSION = { ttl: 12 * HOUR, maxOfUser: 64 };
/** How long a proposed second factor waits for its first code. */
export const ENROLMENT = { ttl: 10 * MINUTE, failures: 5 };
export const ROTATION_GRACE = { default: 48 * HOUR, max: 30 * DAY };
export const INVITE_TTL = { default: HOUR, max: 48 * HOUR };
export const JOIN_TOKEN_TTL = { default: 30 * MINUTE, max: 30 * DAY };
export const PASSWORD_LENGTH = { min: 6, max: 128 };
export const LOCKOUT = { failures: 5, window: 30 * MINUTE, lock: 20 * MINUTE };
export const HEARTBEAT = { interval: 45 * SECOND, jitter: 9 * SECOND, ttl: 90 * SECOND };
/** Between clusters: how often each side says that it is there, and when the other no longer believes it. */
export const TUNNEL = { heartbeat: 5 * SECOND, silence: 25 * SECOND, report: 15 * SECOND, ttl: 60 * SECOND };
export const DIAL_TIMEOUT = 30 * SECOND;
