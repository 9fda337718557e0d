import { createServer } from "node:http";

const server = createServer((_request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ commit: process.env.COMMIT }));
});
server.listen(Number(process.env.PORT), "127.0.0.1", () =>
  console.log(JSON.stringify({ message: "listening" })),
);
process.on("SIGTERM", () => server.close(() => process.exit(0)));
