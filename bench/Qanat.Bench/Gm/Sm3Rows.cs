using System.Buffers.Binary;
using Org.BouncyCastle.Crypto.Digests;
using Qanat.Gm;
using Qanat.Tls.Records;

namespace Qanat.Bench.Gm;

/// <summary>SM3: one stream, sixteen messages at once, and what TLCP makes of it: CBC-SM3 records, sealed in bulk and opened. Every peer's hash is compared with ours first.</summary>
internal sealed class Sm3Rows : IGmTopic
{
    private const int Size = 16384;
    private readonly byte[] _data = [.. Enumerable.Range(0, 16 * Size).Select(i => (byte)(i * 31))];
    private readonly byte[] _macKey = new byte[TlcpCbcProtection.MacKeyLength];
    private readonly byte[] _key = new byte[16];
    private readonly List<IDisposable> _owned = [];

    public string Name => "sm3";

    public IReadOnlyList<GmMetric> Metrics() => [OneStream(Size, "16 KiB", floor: 0.8, goal: 1.0), OneStream(64, "64 B", floor: null, goal: null), Lanes(), SealBulk(), Open()];

    public void Dispose() => _owned.ForEach(one => one.Dispose());

    private GmMetric OneStream(int size, string text, double? floor, double? goal)
    {
        byte[] data = _data[..size], hash = new byte[32];
        return new GmMetric
        {
            Name = $"SM3 one stream {text}",
            Unit = "MB/s",
            WorkPerCall = size,
            Ours = new Contender("Qanat", calls => Repeat(calls, () => Sm3.HashData(data, hash))),
            Others = [new Against(Gcrypt(size), floor, goal), new Against(OpenSsl(size)), new Against(BouncyCastle(size))],
        };
    }

    private GmMetric Lanes()
    {
        ReadOnlyMemory<byte>[] messages = [.. Enumerable.Range(0, 16).Select(i => (ReadOnlyMemory<byte>)_data.AsMemory(i * Size, Size))];
        byte[] hashes = new byte[16 * 32];
        return new GmMetric
        {
            Name = "SM3 of 16 messages of 16 KiB at once",
            Unit = "MB/s",
            WorkPerCall = 16 * Size,
            Ours = new Contender("Qanat", calls => Repeat(calls, () => Sm3Lanes.HashData(messages, hashes))),
            Others = [new Against(Times16(Gcrypt(Size)), 5), new Against(Times16(OpenSsl(Size))), Against.Value("3,000 MB/s", 3000, goal: 1)],
            Note = $"{Sm3Lanes.LaneCount} lanes",
        };
    }

    private GmMetric SealBulk()
    {
        TlcpCbcProtection protection = Own(new TlcpCbcProtection(_macKey, _key));
        byte[] records = new byte[protection.GetSealedLength(_data.Length, Size)];
        byte[] record = new byte[protection.GetSealedLength(Size)];
        return new GmMetric
        {
            Name = "TLCP CBC-SM3 records, 256 KiB at once",
            Unit = "MB/s",
            WorkPerCall = _data.Length,
            Ours = new Contender("Qanat", calls => Repeat(calls, () => protection.SealAll(RecordType.ApplicationData, _data, Size, records))),
            Others =
            [
                new Against(Times16(OpenSslRecord()), 6), Against.Value("1,500 MB/s", 1500, goal: 1),
                new Against(new Contender("Qanat, one record after the other", calls => Repeat(calls * 16, () => protection.Seal(RecordType.ApplicationData, _data.AsSpan(0, Size), record)))),
            ],
            Note = $"SM4 path {Sm4.Implementation}, {Sm3Lanes.LaneCount} SM3 lanes; OpenSSL one way: HMAC and CBC of 16 KiB",
        };
    }

    private GmMetric Open()
    {
        byte[] record = new byte[Size + 100], work = new byte[Size + 100];
        int length;
        using (TlcpCbcProtection sealing = new(_macKey, _key))
        {
            length = sealing.Seal(RecordType.ApplicationData, _data.AsSpan(0, Size), record) - RecordHeader.Size;
        }
        RecordHeader header = new(RecordType.ApplicationData, 0x0101, length);
        // Under another key: refusing takes as long as accepting, and can be repeated.
        TlcpCbcProtection opening = Own(new TlcpCbcProtection(_macKey, [1, .. _key[1..]]));
        return new GmMetric
        {
            Name = "TLCP CBC-SM3 record of 16 KiB opened in constant time",
            Unit = "MB/s",
            WorkPerCall = Size,
            Ours = new Contender("Qanat", calls => Repeat(calls, () =>
            {
                record.AsSpan(RecordHeader.Size, length).CopyTo(work);
                if (opening.Open(header, work.AsSpan(0, length), out _, out _) == Tls.SmTlsError.None)
                    throw new InvalidOperationException("A record was opened under a wrong key.");
            })),
            Others = [new Against(OpenSslRecord())],
            Note = "one record at a time; OpenSSL one way: HMAC and CBC encryption of 16 KiB",
        };
    }

    private Contender Gcrypt(int size)
    {
        if (Libgcrypt.WhyMissing is { } why)
            return Contender.Absent(Libgcrypt.Name, why);
        byte[] data = _data[..size], hash = new byte[32];
        return Same(new Contender(Libgcrypt.Name, calls => Repeat(calls, () => Sm3Peers.GcryptHash(data, hash))), data, hash);
    }

    private Contender OpenSsl(int size)
    {
        if (OpenSslCipher.WhyMissing is { } why)
            return Contender.Absent(OpenSslCipher.Name, why);
        byte[] data = _data[..size], hash = new byte[32];
        nint context = Sm3Peers.NewOpenSslHash();
        return Same(new Contender(OpenSslCipher.Name, calls => Repeat(calls, () => Sm3Peers.OpenSslHash(context, data, hash))), data, hash);
    }

    private Contender BouncyCastle(int size)
    {
        byte[] data = _data[..size], hash = new byte[32];
        SM3Digest digest = new();
        return Same(new Contender("BouncyCastle", calls => Repeat(calls, () =>
        {
            digest.BlockUpdate(data, 0, data.Length);
            digest.DoFinal(hash, 0);
        })), data, hash);
    }

    /// <summary>MAC over header and plaintext, then CBC over plaintext, MAC and padding, as for one record.</summary>
    private Contender OpenSslRecord()
    {
        if (OpenSslCipher.WhyMissing is { } why)
            return Contender.Absent(OpenSslCipher.Name, why);
        OpenSslCipher cipher = new("SM4-CBC", _key);
        nint hmac = Sm3Peers.NewOpenSslHmac(_macKey);
        const int header = 13;
        byte[] message = new byte[header + Size], mac = new byte[32], vector = new byte[16], text = new byte[Size + 48];
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(11), Size);
        Sm3Peers.OpenSslMac(hmac, message, 0, message.Length, mac);
        if (!HmacSm3.Verify(_macKey, message, mac))
            throw new InvalidOperationException("OpenSSL's HMAC-SM3 is another.");
        return new Contender(OpenSslCipher.Name, calls => Repeat(calls, () =>
        {
            Sm3Peers.OpenSslMac(hmac, message, 0, message.Length, mac);
            mac.CopyTo(text, Size);
            cipher.Encrypt(vector, text, text);
        }));
    }

    private static Contender Same(Contender peer, byte[] data, byte[] hash)
    {
        peer.Work!(1);
        return hash.AsSpan().SequenceEqual(Sm3.HashData(data)) ? peer : throw new InvalidOperationException($"{peer.Name} has another SM3.");
    }

    /// <summary>Sixteen times the work for each call.</summary>
    private static Contender Times16(Contender one) => one.Work is { } work ? one with { Work = calls => work(16 * calls) } : one;

    private T Own<T>(T one) where T : IDisposable
    {
        _owned.Add(one);
        return one;
    }

    private static void Repeat(int calls, Action action)
    {
        for (int i = 0; i < calls; i++)
        {
            action();
        }
    }
}
