/**
 * The Worker of the auth role.
 * @module
 */
import { startAuth } from "../../auth/start.ts";
import { runRole } from "./run.ts";

runRole(startAuth);
