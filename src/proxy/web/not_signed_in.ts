/**
 * A request that belongs to no web session.
 * @module
 */
import { AppError } from "../../base/errors.ts";

/** Answered with 401, upon which a page goes to the login. One text for every cause. */
export class NotSignedIn extends AppError {
  constructor() {
    super("unauthenticated", "you are not signed in, or your session is over; sign in again");
  }
}
