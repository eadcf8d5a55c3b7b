using Qanat.Tls.Certificates;
using Qanat.Tls.Engine;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine;

/// <summary>
/// Handshakes whose bytes are changed on the way, from fixed seeds: flipped, put in, taken out, doubled or cut off, at any place of any record. Whatever happens is a typed error, in bounded
/// memory, and never two ends that believe they are connected. QANAT_FULL=1: 10^6 on each side.
/// </summary>
public sealed class TlcpMutationTests
{
    private static readonly int s_cases = Environment.GetEnvironmentVariable("QANAT_FULL") == "1" ? 1_000_000 : 2_500;

    /// <summary>Most bytes that both ends together may allocate for one spoilt handshake.</summary>
    private const long MaxAllocated = 4 << 20;

    public static TheoryData<SmCipherSuite, bool> Sides
    {
        get
        {
            TheoryData<SmCipherSuite, bool> data = [];
            foreach (SmCipherSuite suite in TlcpWorld.Suites)
            {
                data.Add(suite, false);
                data.Add(suite, true);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Sides))]
    [Trait("Kind", "Property")]
    public void Changed_bytes_give_typed_errors_and_no_connection(SmCipherSuite suite, bool ofServer)
    {
        SmVerifiedChainCache chains = new();
        SmTlcpSessionCache sessions = new();
        Dictionary<SmTlsError, int> seen = [];
        for (int seed = 0; seed < s_cases; seed++)
        {
            Random random = new((seed * 8) + ((int)suite & 7) + (ofServer ? 1 : 0));
            SmSslClientAuthenticationOptions client = TlcpWorld.ClientOptions(suite);
            SmSslServerAuthenticationOptions server = TlcpWorld.ServerOptions(suite.IsEcdhe() ? SmClientCertificateMode.Require : (SmClientCertificateMode)(seed % 2), suite);
            client.ClientCredential = TlcpWorld.ClientCredential;
            (client.VerifiedChainCache, server.VerifiedChainCache) = (chains, chains);
            (client.TlcpSessions, server.TlcpSessions) = seed % 4 == 3 ? (sessions, sessions) : (null, null);
            int target = random.Next(7), sent = 0;
            bool isChanged = false;
            using EnginePump pump = TlcpWorld.Pump(client, server, settings => settings with { CoalescesMessages = random.Next(4) == 0 });
            pump.OnWire = (fromServer, record) =>
            {
                if (fromServer != ofServer || sent++ != target)
                {
                    return record;
                }
                byte[] changed = Mutate(record, random);
                isChanged = !changed.AsSpan().SequenceEqual(record);
                return changed;
            };
            long before = GC.GetAllocatedBytesForCurrentThread();
            pump.Run();
            // The transport ends, as it does with a peer that waits in vain.
            foreach (TlsEngine engine in (TlsEngine[])[pump.Client, pump.Server])
            {
                if (!engine.IsHandshakeComplete)
                {
                    engine.Fail(SmTlsError.Truncated, "the transport ended");
                }
            }
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MaxAllocated, $"seed {seed}: {allocated} bytes");
            if (!isChanged)
            {
                Assert.True(pump.Client.IsHandshakeComplete && pump.Server.IsHandshakeComplete, $"seed {seed}");
                continue;
            }
            foreach (TlsEngine engine in (TlsEngine[])[pump.Client, pump.Server])
            {
                SmTlsError error = engine.Failure?.Error ?? SmTlsError.None;
                Assert.True(Enum.IsDefined(error) && error != SmTlsError.InternalError, $"seed {seed}: {error}, {engine.Failure?.Message}");
                seen[error] = seen.GetValueOrDefault(error) + 1;
            }
            Assert.True(pump.Client.Failure is not null || pump.Server.Failure is not null, $"seed {seed}: both ends are content with changed bytes");
            // The end that got changed bytes is never connected by them; the other may have been before.
            Assert.False(pump.Engine(isServer: !ofServer) is { IsHandshakeComplete: true, Failure: null } && pump.Engine(ofServer) is { Failure: null }, $"seed {seed}");
        }
        // The seeds reach far: records, messages, signatures or keys, Finished.
        Assert.True(seen.Count >= 6, string.Join(", ", seen.Keys));
    }

    private static byte[] Mutate(byte[] record, Random random)
    {
        List<byte> bytes = [.. record];
        for (int changes = 1 + random.Next(3); changes > 0; changes--)
        {
            // The header and the start of the content decide most, so they are hit more often.
            int at = random.Next(3) == 0 ? random.Next(Math.Min(bytes.Count, RecordHeader.Size + 12)) : random.Next(Math.Max(1, bytes.Count));
            if (bytes.Count == 0)
            {
                break;
            }
            switch (random.Next(8))
            {
                case 0 or 1 or 2:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 3:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 4:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
                case 5:
                    bytes.RemoveAt(at);
                    break;
                case 6:
                    bytes.RemoveRange(at, random.Next(bytes.Count - at));
                    break;
                default:
                    bytes.InsertRange(at, bytes.GetRange(at, random.Next(bytes.Count - at)));
                    break;
            }
        }
        return [.. bytes];
    }
}
