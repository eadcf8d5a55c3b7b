using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qanat.Bench.Gm;
using Qanat.Bench.Peers;
using Qanat.Tls;
using Qanat.Tls.Records;

namespace Qanat.Bench.SmTls;

/// <summary>Records sealed and opened, on one core: the record protections by themselves, and whole streams over a pipe in memory; and what they allocate.</summary>
internal sealed class RecordRows : IGmTopic
{
    private const int Records = 8;
    private const int BulkBytes = Records * RecordHeader.MaxPlaintext;

    private readonly byte[] _data = RandomNumberGenerator.GetBytes(BulkBytes);
    private readonly byte[] _received = new byte[BulkBytes];
    private readonly byte[] _sealed = new byte[BulkBytes + (Records * 512)];
    private readonly List<IDisposable> _owned = [];

    public string Name => "records";

    public IReadOnlyList<GmMetric> Metrics()
    {
        Contender bouncyCastle = BouncyCastle(), sslStream = SslStreamPipe();
        Contender gcm13 = Protection(Tls13, 1), gcm = Protection(TlcpGcm, 1), cbc = Protection(TlcpCbc, Records), ccm = Protection(Tls13Ccm, 1);
        Contender stream13 = Stream(SmCipherSuite.TlsSm4GcmSm3), streamTlcp = Stream(SmCipherSuite.EccSm4GcmSm3), streamCbc = Stream(SmCipherSuite.EccSm4CbcSm3);
        Against[] peers = [new(bouncyCastle, Floor: 10), new(sslStream, Goal: 1)], information = [new(bouncyCastle), new(sslStream)];
        return
        [
            Rate("records seal+open, TLS 1.3 SM4-GCM", gcm13, peers, "RecordProtection, 16 KiB records"),
            Rate("records seal+open, TLCP SM4-GCM", gcm, peers, "RecordProtection, 16 KiB records"),
            Rate("records seal+open, TLCP SM4-CBC", cbc, information, $"RecordProtection, {Records} records sealed at once, opened one by one"),
            Rate("records seal+open, TLS 1.3 SM4-CCM", ccm, information, "RecordProtection, 16 KiB records"),
            Rate("SmSslStream to SmSslStream, TLS 1.3 SM4-GCM", stream13, peers, "pipe in memory"),
            Rate("SmSslStream to SmSslStream, TLCP SM4-GCM", streamTlcp, peers, "pipe in memory"),
            Rate("SmSslStream to SmSslStream, TLCP SM4-CBC", streamCbc, information, "pipe in memory"),
            Allocation("allocation per record, RecordProtection, TLS 1.3 SM4-GCM", gcm13),
            Allocation("allocation per record, RecordProtection, TLCP SM4-GCM", gcm),
            Allocation("allocation per record, RecordProtection, TLCP SM4-CBC", cbc),
            Allocation("allocation per record, SmSslStream, TLS 1.3 SM4-GCM", stream13),
            Allocation("allocation per record, SmSslStream, TLCP SM4-GCM", streamTlcp),
            Allocation("allocation per record, SmSslStream, TLCP SM4-CBC", streamCbc),
        ];
    }

    public void Dispose() => _owned.ForEach(one => one.Dispose());

    private static GmMetric Rate(string name, Contender ours, Against[] others, string note) => new() { Name = name, Unit = "MB/s", WorkPerCall = BulkBytes, Ours = ours, Others = others, Note = note };

    private static GmMetric Allocation(string name, Contender ours) =>
        new() { Name = name, Unit = "B", WorkPerCall = Records, CountsAllocation = true, Ours = ours, Others = [Against.Value("0 B", 0, floor: 1, goal: 1)], Note = "sealing and opening of one record of 16 KiB" };

    private static RecordProtection Tls13() => new Tls13RecordProtection(SmCipherSuite.TlsSm4GcmSm3, new byte[32]);

    private static RecordProtection Tls13Ccm() => new Tls13RecordProtection(SmCipherSuite.TlsSm4CcmSm3, new byte[32]);

    private static RecordProtection TlcpGcm() => new TlcpGcmProtection(new byte[16], new byte[4]);

    private static RecordProtection TlcpCbc() => new TlcpCbcProtection(new byte[TlcpCbcProtection.MacKeyLength], new byte[16]);

    private T Own<T>(T one) where T : IDisposable
    {
        _owned.Add(one);
        return one;
    }

    /// <summary>One protection seals, another opens. With one record at once the data stays in the nearest cache, as it does when a program handles what it just received.</summary>
    private Contender Protection(Func<RecordProtection> make, int atOnce)
    {
        RecordProtection seal = Own(make()), open = Own(make());
        int piece = atOnce * RecordHeader.MaxPlaintext;
        return new Contender("Qanat", calls =>
        {
            for (int i = 0; i < calls * (Records / atOnce); i++)
            {
                int length = seal.SealAll(RecordType.ApplicationData, _data.AsSpan(0, piece), RecordHeader.MaxPlaintext, _sealed);
                Span<byte> rest = _sealed.AsSpan(0, length);
                while (!rest.IsEmpty)
                {
                    RecordHeader.TryRead(rest, open.MaxFragmentLength, out RecordHeader header, out _);
                    Require(open.Open(header, rest.Slice(RecordHeader.Size, header.Length), out _, out _) == SmTlsError.None);
                    rest = rest[(RecordHeader.Size + header.Length)..];
                }
            }
        });
    }

    private Contender Stream(SmCipherSuite suite)
    {
        (MemoryPipe a, MemoryPipe b) = MemoryPipe.Pair();
        SmSslStream client = Own(new SmSslStream(a)), server = Own(new SmSslStream(b));
        Task handshakes = Task.WhenAll(
            client.AuthenticateAsClientAsync(TlsWorld.ClientOptions(suite, isMutual: false, isCached: false)),
            server.AuthenticateAsServerAsync(TlsWorld.ServerOptions(suite, isMutual: false, isCached: false)));
        handshakes.GetAwaiter().GetResult();
        return Through("Qanat", client, server);
    }

    private Contender SslStreamPipe()
    {
        string folder = Directory.CreateTempSubdirectory("qanat-bench").FullName;
        using X509Certificate2 one = BenchCertificate.Load(BenchCertificate.Create(folder, "client")), other = BenchCertificate.Load(BenchCertificate.Create(folder, "server"));
        Directory.Delete(folder, recursive: true);
        (MemoryPipe a, MemoryPipe b) = MemoryPipe.Pair();
        Task<SslStream> client = BenchCertificate.ClientAsync(a, one, other), server = BenchCertificate.ServerAsync(b, other, one);
        Task.WhenAll(client, server).GetAwaiter().GetResult();
        return Through(".NET SslStream, AES-128-GCM", Own(client.Result), Own(server.Result));
    }

    /// <summary>Every byte is there when it is read, so nothing waits and all work is this thread's.</summary>
    private Contender Through(string name, Stream from, Stream to) => new(name, calls =>
    {
        for (int i = 0; i < calls; i++)
        {
            ValueTask writing = from.WriteAsync(_data);
            Require(writing.IsCompletedSuccessfully);
            writing.GetAwaiter().GetResult();
            for (int read = 0; read < BulkBytes;)
            {
                ValueTask<int> reading = to.ReadAsync(_received.AsMemory(read));
                Require(reading.IsCompletedSuccessfully);
                read += reading.Result;
            }
        }
    });

    private Contender BouncyCastle()
    {
        BouncyCastleTls pair = Own(new BouncyCastleTls(isMutual: false));
        byte[] record = _data.AsSpan(0, RecordHeader.MaxPlaintext).ToArray(), received = new byte[RecordHeader.MaxPlaintext];
        return new Contender(BouncyCastleTls.Name, calls =>
        {
            for (int i = 0; i < calls * Records; i++) pair.Send(record, received);
        });
    }

    private static void Require(bool right)
    {
        if (!right) throw new InvalidOperationException("A record did not open, or a stream waited.");
    }
}
