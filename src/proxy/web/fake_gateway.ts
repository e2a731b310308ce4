/**
 * An auth service for tests: two invites, one user, and a record of what it was asked.
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { AppError } from "../../base/errors.ts";
import { webApp, type WebAppOptions } from "./app.ts";
import type { WebApp } from "./context.ts";
import type { AuthGateway, Invite, IssuedLogin, LoginRequest } from "./gateway.ts";
import type { PingReply } from "./webapi.ts";

export const NOW = Date.UTC(2030, 0, 1);
export const PASSWORD = "correct horse battery";
export const OTP_URI =
  "otpauth://totp/Teleport:alice@auth?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Teleport&digits=6&period=30";

/** Tokens the fake knows: one with a second factor, one without, one whose time is over. */
export const TOKENS = { otp: "0123456789abcdef0123456789abcdef", off: "off-token", late: "late-token" };

/** A clock that moves when told. */
export function fakeClock(): Clock & { ms: number } {
  return {
    ms: NOW,
    now() {
      return this.ms;
    },
    after: () => ({ cancel() {} }),
  };
}

export class FakeGateway implements AuthGateway {
  user = "alice";
  /** Thrown by the next calls, when set. */
  failure: Error | undefined;
  logins: LoginRequest[] = [];
  signups: { token: string; password: string; factor: string; clientAddress: string }[] = [];
  invitesAsked = 0;

  invite(token: { reveal(): string }): Promise<Invite> {
    this.invitesAsked++;
    return this.#answer(() => {
      const known = token.reveal();
      const expires = known === TOKENS.late ? NOW - 1 : NOW + 3_600_000;
      if (known === TOKENS.off) return { user: this.user, expires, secondFactor: "off" };
      if (known === TOKENS.otp || known === TOKENS.late) {
        return { user: this.user, otpUri: OTP_URI, expires, secondFactor: "otp" };
      }
      throw new AppError("not_found", `invite ${known} is not known`);
    });
  }

  async signup(
    token: { reveal(): string },
    password: { reveal(): string },
    factor: { reveal(): string },
    clientAddress: string,
  ): Promise<void> {
    const { secondFactor } = await this.invite(token);
    if (secondFactor === "otp" && factor.reveal() !== "123456") throw new AppError("bad_input", "wrong code");
    this.signups.push({
      token: token.reveal(),
      password: password.reveal(),
      factor: factor.reveal(),
      clientAddress,
    });
  }

  challenge(): Promise<never> {
    return Promise.reject(new AppError("unsupported", "no security keys here"));
  }

  login(request: LoginRequest): Promise<IssuedLogin> {
    this.logins.push(request);
    return this.#answer(() => {
      if (request.password.reveal() !== PASSWORD) {
        throw new AppError("unauthenticated", "invalid username or password");
      }
      return {
        user: request.user,
        certificate: "ssh-ed25519-cert-v01@openssh.com AAAA alice",
        clusterName: "east.example.com",
        hostAuthorities: ["ssh-ed25519 AAAAhost one", "ssh-ed25519 AAAAhost two"],
      };
    });
  }

  #answer<T>(make: () => T): Promise<T> {
    return this.failure === undefined ? Promise.try(make) : Promise.reject(this.failure);
  }
}

export const PING: PingReply = {
  auth: { type: "local", second_factor: "otp" },
  proxy: { ssh: { listen_addr: "0.0.0.0:3023", public_addr: "proxy.example.com:3023" } },
  cluster_name: "east.example.com",
  host_authorities: [],
  user_authorities: [],
  server_version: "0.1.0",
  min_client_version: "0.1.0",
};

/** The web application over a fake gateway, with a clock in hand and a record of what was reported. */
export function testApp(change: Partial<WebAppOptions> = {}) {
  const gateway = new FakeGateway();
  const clock = fakeClock();
  const failures: unknown[] = [];
  const app: WebApp = webApp({
    gateway,
    clock,
    ping: () => PING,
    publicHost: "proxy.example.com:3080",
    tls: true,
    onError: (failure) => failures.push(failure),
    ...change,
  });
  return { app, gateway, clock, failures };
}

/** A POST of JSON, as the terminal client sends it. */
export function jsonPost(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  };
}
