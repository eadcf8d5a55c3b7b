// Drives Microsoft's dev-tunnels-ssh (npm) as a peer for "resume after a cut link". Arguments: target address of the client (host:port of a link cutter
// in front of the server), port of the server, bytes per second. Prints one JSON line for each event:
//   {"event":"ready"}, {"event":"connected"}, {"event":"result","gaps":[ms...],"bytes":n,"ok":true}
// A line "cut" on standard input marks the time of a cut; the longest gap between arrivals in the second after it is its stall.
'use strict';
const ssh = require('@microsoft/dev-tunnels-ssh');
const tcp = require('@microsoft/dev-tunnels-ssh-tcp');
const readline = require('node:readline');

const [target, serverPort, rate] = process.argv.slice(2);
const [host, port] = [target.slice(0, target.lastIndexOf(':')), Number(target.slice(target.lastIndexOf(':') + 1))];
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n');
const chunk = 16384;

function configuration() {
    const config = new ssh.SshSessionConfiguration();
    config.protocolExtensions.push(ssh.SshProtocolExtensionNames.sessionReconnect);
    return config;
}

async function main() {
    const server = new tcp.SshServer(configuration());
    server.credentials.publicKeys.push(await ssh.SshAlgorithms.publicKey.ecdsaSha2Nistp256.generateKeyPair());
    server.onSessionOpened((session) => {
        session.onAuthenticating((e) => { e.authenticationPromise = Promise.resolve({}); });
        session.onChannelOpening((e) => { void send(new ssh.SshStream(e.channel)); });
    });
    await server.acceptSessions(Number(serverPort), '127.0.0.1');
    say({ event: 'ready' });

    const client = new tcp.SshClient(configuration());
    const session = await client.openSession(host, port);
    session.onAuthenticating((e) => { e.authenticationPromise = Promise.resolve({}); });
    session.onDisconnected(() => { void reconnect(client, session); });
    if (!await session.authenticate({ username: 'bench' })) throw new Error('authentication failed');
    const stream = new ssh.SshStream(await session.openChannel());
    const arrivals = [];
    let bytes = 0, ok = true;
    stream.on('data', (data) => {
        arrivals.push(performance.now());
        for (let i = 0; i < data.length; i += 997) if (data[i] !== ((bytes + i) & 0xff)) ok = false;
        bytes += data.length;
    });
    say({ event: 'connected' });

    const cuts = [];
    readline.createInterface({ input: process.stdin }).on('line', (line) => {
        if (line === 'cut') cuts.push(performance.now());
        if (line === 'end') {
            const gaps = cuts.map((cut) => {
                const near = arrivals.filter((at) => at > cut - 100 && at < cut + 950);
                return near.slice(1).reduce((longest, at, i) => Math.max(longest, at - near[i]), near.length < 2 ? 950 : 0);
            });
            say({ event: 'result', gaps, bytes, ok });
            process.exit(0);
        }
    });
}

async function reconnect(client, session) {
    for (let attempt = 0; attempt < 100; attempt++) {
        try {
            await client.reconnectSession(session, host, port);
            return;
        } catch (e) {
            await new Promise((done) => setTimeout(done, 10));
        }
    }
}

// Sends at a steady rate, so that a stall shows as a gap between arrivals and not as a buffer that empties.
async function send(stream) {
    const start = performance.now();
    let sent = 0;
    const block = Buffer.alloc(chunk + 256, 0).map((_, i) => i & 0xff);
    setInterval(() => {
        const due = (performance.now() - start) / 1000 * Number(rate);
        while (sent + chunk <= due) {
            stream.write(Buffer.from(block.subarray(sent & 0xff, (sent & 0xff) + chunk)));
            sent += chunk;
        }
    }, 1);
}

process.on('unhandledRejection', (e) => { process.stderr.write(`unhandled: ${e && e.stack}\n`); });
main().catch((e) => { process.stderr.write(`${e.stack}\n`); process.exit(1); });
