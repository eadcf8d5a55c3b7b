using System.Diagnostics;
using System.Security.Cryptography;
using Qanat.Gm;

namespace Qanat.Cli.Gm;

/// <summary>One measured operation.</summary>
/// <param name="Name">What was done.</param>
/// <param name="Rate">How much of it in a second, on one thread.</param>
/// <param name="Unit"><c>MB/s</c> or <c>/s</c>.</param>
internal sealed record SpeedRow(string Name, double Rate, string Unit);

/// <summary>How fast this machine does SM2, SM3 and SM4: one thread, wall time. For orientation; the comparison with other programs is <c>bench/Qanat.Bench</c>.</summary>
internal sealed class SpeedTest(TimeSpan each)
{
    private const int RecordBytes = 16 * 1024;
    private const int Batch = Sm2Batch.PreferredSize;

    private readonly byte[] _data = new byte[RecordBytes];
    private readonly byte[] _output = new byte[RecordBytes];
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(Sm4.KeySizeInBytes);

    /// <summary>The code paths in use.</summary>
    public static object Paths => new { sm4 = Sm4.Implementation, sm3Lanes = Sm3Lanes.LaneCount, sm2Batches = Sm2Batch.IsAccelerated ? "AVX-512, 8 at once" : "one by one" };

    /// <summary>Measures everything, row by row.</summary>
    public IEnumerable<SpeedRow> Run() => [.. Sm2Rows(), .. Sm3Rows(), .. Sm4Rows()];

    private IEnumerable<SpeedRow> Sm2Rows()
    {
        Sm2[] keys = [.. Enumerable.Range(0, Batch).Select(_ => Sm2.Create())];
        byte[] hashes = RandomNumberGenerator.GetBytes(Batch * Sm3.HashSizeInBytes), signatures = new byte[Batch * Sm2.SignatureSizeInBytes], secrets = new byte[Batch * Sm2.KeySizeInBytes];
        byte[] points = [.. keys.Reverse().SelectMany(key => key.PublicKey.ToArray())], hash = hashes[..Sm3.HashSizeInBytes], signature = signatures[..Sm2.SignatureSizeInBytes];
        bool[] results = new bool[Batch];
        const DSASignatureFormat format = DSASignatureFormat.IeeeP1363FixedFieldConcatenation;
        yield return Operations("SM2 sign", 1, () => keys[0].SignHash(hash, signature, format));
        yield return Operations("SM2 verify", 1, () => keys[0].VerifyHash(hash, signature, format));
        yield return Operations("SM2 ECDH", 1, () => keys[0].DeriveRawSecretAgreement(points.AsSpan(0, Sm2.PublicKeySizeInBytes), secrets.AsSpan(0, Sm2.KeySizeInBytes)));
        yield return Operations("SM2 key pair", 1, () => Sm2.Create().Dispose());
        yield return Operations($"SM2 sign, {Batch} at once", Batch, () => Sm2Batch.SignHashes(keys, hashes, signatures));
        yield return Operations($"SM2 verify, {Batch} at once", Batch, () => Sm2Batch.VerifyHashes(keys, hashes, signatures, results));
        yield return Operations($"SM2 ECDH, {Batch} at once", Batch, () => Sm2Batch.DeriveRawSecretAgreements(keys, points, secrets, results));
        Array.ForEach(keys, key => key.Dispose());
    }

    private IEnumerable<SpeedRow> Sm3Rows()
    {
        byte[] hash = new byte[Sm3.HashSizeInBytes], hashes = new byte[Sm3Lanes.MaxLaneCount * Sm3.HashSizeInBytes];
        ReadOnlyMemory<byte>[] messages = new ReadOnlyMemory<byte>[Sm3Lanes.MaxLaneCount];
        Array.Fill(messages, _data);
        yield return Bytes("SM3, 16 KiB", RecordBytes, () => Sm3.HashData(_data, hash));
        yield return Bytes($"SM3, {messages.Length} x 16 KiB at once", messages.Length * RecordBytes, () => Sm3Lanes.HashData(messages, hashes));
        yield return Bytes("HMAC-SM3, 16 KiB", RecordBytes, () => HmacSm3.HashData(_key, _data, hash));
    }

    private IEnumerable<SpeedRow> Sm4Rows()
    {
        byte[] nonce = new byte[12], tag = new byte[16], vector = new byte[16];
        using Sm4Gcm gcm = new(_key, tag.Length);
        using Sm4Ccm ccm = new(_key);
        using Sm4 cipher = new(_key);
        yield return Bytes("SM4-GCM seal, 16 KiB", RecordBytes, () => gcm.Encrypt(nonce, _data, _output, tag));
        yield return Bytes("SM4-GCM seal, 1,400 B", 1400, () => gcm.Encrypt(nonce, _data.AsSpan(0, 1400), _output.AsSpan(0, 1400), tag));
        gcm.Encrypt(nonce, _data, _output, tag);
        yield return Bytes("SM4-GCM open, 16 KiB", RecordBytes, () => gcm.Decrypt(nonce, _output, tag, _data));
        yield return Bytes("SM4-CCM seal, 16 KiB", RecordBytes, () => ccm.Encrypt(nonce, _data, _output, tag));
        yield return Bytes("SM4-CTR, 16 KiB", RecordBytes, () => cipher.TransformCtr(_data, vector, _output));
        yield return Bytes("SM4-CBC encrypt, 16 KiB", RecordBytes, () => cipher.EncryptCbc(_data, vector, _output));
        yield return Bytes("SM4-CBC decrypt, 16 KiB", RecordBytes, () => cipher.DecryptCbc(_data, vector, _output));
        yield return Bytes("SM4-ECB, 16 KiB", RecordBytes, () => cipher.EncryptEcb(_data, _output));
    }

    private SpeedRow Operations(string name, int perCall, Action work) => new(name, Math.Round(Measure(work) * perCall), "/s");

    private SpeedRow Bytes(string name, int perCall, Action work) => new(name, Math.Round(Measure(work) * perCall / 1e6, 1), "MB/s");

    /// <summary>Calls in a second: half the time to warm up, then the best of the rest in four parts, which other programs disturb least.</summary>
    private double Measure(Action work)
    {
        Count(work, each / 2);
        double best = 0;
        for (int part = 0; part < 4; part++)
        {
            best = Math.Max(best, Count(work, each / 8));
        }
        return best;
    }

    private static double Count(Action work, TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        long calls = 0;
        TimeSpan took;
        do
        {
            work();
            calls++;
            took = Stopwatch.GetElapsedTime(start);
        }
        while (took < time);
        return calls / took.TotalSeconds;
    }
}
