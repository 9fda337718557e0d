const [command = "up"] = process.argv.slice(2);
console.log(`asked to ${command}`);
console.log(JSON.stringify({ migration: { command, before: "0001", after: "0001", applied: [] } }));
