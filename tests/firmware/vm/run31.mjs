// Runs a script in MicroPython for WebAssembly: run31.mjs MODULE SCRIPT '{"/path/in/vm": "/path/here"}'
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modulePath, script, mountedJson] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(modulePath));
const mp = await loadMicroPython({
    heapsize: 8 * 1024 * 1024,
    stdout: (line) => process.stdout.write(line + "\n"),
    linebuffer: true,
});
for (const [inside, outside] of Object.entries(JSON.parse(mountedJson))) {
    for (let at = inside.indexOf("/", 1); at > 0; at = inside.indexOf("/", at + 1)) {
        try {
            mp.FS.mkdir(inside.slice(0, at));
        } catch {
            // It is there already.
        }
    }
    mp.FS.writeFile(inside, readFileSync(outside));
}
let status = 0;
try {
    mp.runPython(`import sys\nsys.path[:] = ["/device", "/"]\nexec(open("/${script}").read())`);
} catch (error) {
    process.stdout.write(String(error.message ?? error) + "\n");
    status = 1;
}
// node would wait for the VM's timers for ever.
process.exit(status);
