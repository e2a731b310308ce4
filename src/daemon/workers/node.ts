/**
 * The Worker of the node role.
 * @module
 */
import { startNode } from "../../node/start.ts";
import { runRole } from "./run.ts";

runRole(startNode);
