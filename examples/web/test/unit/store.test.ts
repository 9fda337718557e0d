import { openStore } from "../../src/store.ts";
import { describeStore } from "../contract/store.ts";

describeStore("store in SQLite", () => openStore("sqlite::memory:"));
