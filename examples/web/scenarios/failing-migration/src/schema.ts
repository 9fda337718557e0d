/** The schema revision this code is built against. The image's label `dev.spillway.schema` says the same; a test compares. */
export const schemaRevision = "0003";
