using System.Globalization;
using System.Text;

namespace Qanat.Tls.Tests.Streams;

/// <summary>A foreign program opens our connections with our key log: key schedules, Finished and records are checked by code that is not ours.</summary>
[Trait("Kind", "Interop")]
public sealed class TsharkTests
{
    // tshark 4.0 knows the suites, but not SM4-CCM.
    public static TheoryData<SmCipherSuite> Suites =>
    [
        SmCipherSuite.EccSm4GcmSm3, SmCipherSuite.EccSm4CbcSm3, SmCipherSuite.EcdheSm4GcmSm3, SmCipherSuite.EcdheSm4CbcSm3, SmCipherSuite.TlsSm4GcmSm3,
    ];

    [Theory]
    [MemberData(nameof(Suites))]
    public async Task Tshark_decrypts_full_and_resumed_connections_of_every_suite_from_our_key_log(SmCipherSuite suite)
    {
        using Tshark tshark = Tshark.Require();
        using SmTlcpSessionCache clientSessions = new(), serverSessions = new();
        using SmTicketStore tickets = new();
        using SmTicketKeys ticketKeys = new();
        SmSslClientAuthenticationOptions client = SmPair.ClientOptions(suite.Protocol(), suite);
        SmSslServerAuthenticationOptions server = SmPair.ServerOptions();
        (client.ClientCredential, client.TlcpSessions, client.Tickets) = (SmPair.ClientCredential, clientSessions, tickets);
        (server.ClientCertificateMode, server.TlcpSessions, server.TicketKeys) = (SmClientCertificateMode.Require, serverSessions, ticketKeys);
        for (int i = 0; i < 2; i++)
        {
            string keys = tshark[$"keys{i}.log"], capture = tshark[$"{i}.pcap"];
            MemoryTransportLog log = new();
            using (SmKeyLog keyLog = new(keys))
            {
                client.KeyLog = keyLog.Append;
                await using SmPair pair = await SmPair.ConnectAsync(client, server, log);
                Assert.Equal(i > 0, pair.Client.IsResumed);
                await ExchangeAsync(pair, $"/hello-{i}");
            }
            PcapFile.Write(capture, log.Segments);
            string decrypted = tshark.Run(capture, keys, "-T", "fields", "-e", "http.request.uri", "-e", "http.response.code", "-e", "http.file_data", "-Y", "http");
            Assert.Contains($"/hello-{i}", decrypted, StringComparison.Ordinal);
            Assert.Contains("200", decrypted, StringComparison.Ordinal);
            Assert.Contains("good bye", tshark.Run(capture, keys, "-q", "-z", "follow,tls,ascii,0"), StringComparison.Ordinal);
            string suites = tshark.Run(capture, keys, "-T", "fields", "-e", "tls.handshake.ciphersuite", "-Y", "tls.handshake.type == 2");
            Assert.Contains(((ushort)suite).ToString("x4", CultureInfo.InvariantCulture), suites, StringComparison.OrdinalIgnoreCase);
            // Without the key log there is nothing to see, and nothing is malformed either way.
            Assert.DoesNotContain("/hello", tshark.Run(capture, null, "-V"), StringComparison.Ordinal);
            Assert.Empty(tshark.Run(capture, keys, "-Y", "_ws.malformed").Trim());
        }
    }

    private static async Task ExchangeAsync(SmPair pair, string path)
    {
        await pair.Client.WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: www.example.cn\r\n\r\n"));
        byte[] buffer = new byte[10_000];
        Assert.InRange(await pair.Server.ReadAsync(buffer), 1, buffer.Length);
        string body = new string('x', 20_000) + "good bye";
        await pair.Server.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
        await pair.Server.ShutdownAsync();
        while (await pair.Client.ReadAsync(buffer) > 0)
        {
        }
        await pair.Client.ShutdownAsync();
    }
}
