/**
 * The Worker of the proxy role.
 * @module
 */
import { startProxy } from "../../proxy/start.ts";
import { runRole } from "./run.ts";

runRole(startProxy);
