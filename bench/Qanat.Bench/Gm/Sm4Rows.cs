using System.Security.Cryptography;
using Qanat.Gm;

namespace Qanat.Bench.Gm;

/// <summary>SM4: GCM at three sizes on the path in use, the other paths at 16 KiB, CTR, and CBC over 16 records.</summary>
internal sealed class Sm4Rows : IGmTopic
{
    private readonly byte[] _key = Convert.FromHexString("0123456789ABCDEFFEDCBA9876543210");
    private readonly byte[] _nonce = new byte[12];
    private readonly byte[] _associated = new byte[13];
    private readonly List<IDisposable> _owned = [];

    public string Name => "sm4";

    public IReadOnlyList<GmMetric> Metrics()
    {
        List<GmMetric> metrics = [];
        foreach ((int size, string text, double floor, double bound) in new[] { (16384, "16 KiB", 4.0, 3500.0), (1400, "1,400 B", 2.0, 2200.0), (256, "256 B", 1.0, 1100.0) })
        {
            metrics.Add(Gcm($"SM4-GCM seal {text}", size, seal: true, floor, bound));
            metrics.Add(Gcm($"SM4-GCM open {text}", size, seal: false, floor, bound));
        }
        metrics.Add(Path(Sm4Implementation.Gfni512, Against(Gcrypt(16384, seal: true), floor: null)));
        metrics.Add(Path(Sm4Implementation.Gfni256, Against(Gcrypt(16384, seal: true), floor: 1.7)));
        metrics.Add(Path(Sm4Implementation.Avx512, Against(Gcrypt(16384, seal: true), floor: null)));
        metrics.Add(Path(Sm4Implementation.AesNi, Against(Gcrypt(16384, seal: true), floor: 0.8)));
        metrics.Add(Path(Sm4Implementation.Portable, Against(BouncyCastle(16384, seal: true), floor: 1, goal: 2)));
        metrics.Add(Ctr());
        metrics.Add(CbcLanes());
        metrics.Add(Ccm());
        return metrics;
    }

    public void Dispose() => _owned.ForEach(one => one.Dispose());

    private static Against Against(Contender peer, double? floor, double? goal = null) => new(peer, floor, goal);

    private GmMetric Gcm(string name, int size, bool seal, double floor, double bound)
    {
        bool isBulk = size == 16384;
        return new GmMetric
        {
            Name = name,
            Unit = "MB/s",
            WorkPerCall = size,
            Ours = Ours(Sm4Kernels.Best, size, seal),
            Others =
            [
                new Against(Gcrypt(size, seal), floor), new Against(BouncyCastle(size, seal), isBulk ? 30 : null),
                new Against(Aes(size, seal), Goal: isBulk ? 0.95 : null), Gm.Against.Value($"{bound:N0} MB/s", bound, goal: 1),
            ],
            Note = $"path {Sm4.Implementation}, GHASH {Sm4Kernels.Best.Ghash.Name}",
        };
    }

    private GmMetric Path(Sm4Implementation path, Against against)
    {
        Sm4Kernel? kernel = Sm4Kernels.Available().FirstOrDefault(one => one.Implementation == path);
        return new GmMetric
        {
            Name = $"SM4-GCM seal 16 KiB, path {path}",
            Unit = "MB/s",
            WorkPerCall = 16384,
            Ours = kernel is null ? Contender.Absent("Qanat", $"this processor has no instructions for {path}") : Ours(kernel, 16384, seal: true),
            Others = [against],
            Note = kernel is null ? null : $"GHASH {kernel.Ghash.Name}",
        };
    }

    private GmMetric Ctr()
    {
        byte[] source = new byte[16384], destination = new byte[16384], counter = new byte[16];
        Sm4 cipher = Own(new Sm4(_key));
        Contender gcrypt = Contender.Absent(Libgcrypt.Name, Libgcrypt.WhyMissing ?? ""), openssl = Contender.Absent(OpenSslCipher.Name, OpenSslCipher.WhyMissing ?? "");
        if (Libgcrypt.WhyMissing is null)
        {
            nint handle = Libgcrypt.OpenCipher(Libgcrypt.Ctr, _key);
            gcrypt = new Contender(Libgcrypt.Name, calls => Repeat(calls, () => Libgcrypt.Ctrl(handle, counter, source, destination)));
        }
        if (OpenSslCipher.WhyMissing is null)
        {
            OpenSslCipher peer = new("SM4-CTR", _key);
            openssl = new Contender(OpenSslCipher.Name, calls => Repeat(calls, () => peer.Encrypt(counter, source, destination)));
        }
        return new GmMetric
        {
            Name = "SM4-CTR 16 KiB",
            Unit = "MB/s",
            WorkPerCall = source.Length,
            Ours = new Contender("Qanat", calls => Repeat(calls, () => cipher.TransformCtr(source, counter, destination))),
            Others = [new Against(gcrypt), new Against(openssl)],
        };
    }

    private GmMetric CbcLanes()
    {
        const int record = 16 * 100;
        byte[] buffer = new byte[16 * (record + 16)], one = new byte[16 * record], vector = new byte[16];
        Sm4 cipher = Own(new Sm4(_key));
        Sm4CbcLane[] lanes = [.. Enumerable.Range(0, 16).Select(i => new Sm4CbcLane(cipher, i * (record + 16), (i * (record + 16)) + 16, record))];
        Contender openssl = Contender.Absent(OpenSslCipher.Name, OpenSslCipher.WhyMissing ?? "");
        if (OpenSslCipher.WhyMissing is null)
        {
            OpenSslCipher peer = new("SM4-CBC", _key);
            openssl = new Contender(OpenSslCipher.Name, calls => Repeat(calls, () => peer.Encrypt(vector, one, one)));
        }
        return new GmMetric
        {
            Name = "SM4-CBC encryption, 16 records of 1,600 B side by side",
            Unit = "MB/s",
            WorkPerCall = 16 * record,
            Ours = new Contender("Qanat", calls => Repeat(calls, () => Sm4.EncryptCbcLanes(buffer, lanes))),
            Others = [new Against(openssl), new Against(new Contender("Qanat, one record after the other", calls => Repeat(calls, () => cipher.EncryptCbc(one, vector, one))))],
        };
    }

    private GmMetric Ccm()
    {
        byte[] text = new byte[16384], tag = new byte[16];
        Sm4Ccm ccm = Own(new Sm4Ccm(_key));
        Sm4Gcm gcm = Own(new Sm4Gcm(_key, 16));
        return new GmMetric
        {
            Name = "SM4-CCM seal 16 KiB",
            Unit = "MB/s",
            WorkPerCall = text.Length,
            Ours = new Contender("Qanat", calls => Repeat(calls, () => ccm.Encrypt(_nonce, text, text, tag, _associated))),
            Others = [new Against(new Contender("Qanat GCM", calls => Repeat(calls, () => gcm.Encrypt(_nonce, text, text, tag, _associated))))],
        };
    }

    private Contender Ours(Sm4Kernel kernel, int size, bool seal)
    {
        Sm4Gcm gcm = Own(new Sm4Gcm(_key, 16, kernel));
        byte[] plaintext = new byte[size], ciphertext = new byte[size], tag = new byte[16];
        gcm.Encrypt(_nonce, plaintext, ciphertext, tag, _associated);
        return new Contender("Qanat", seal
            ? calls => Repeat(calls, () => gcm.Encrypt(_nonce, plaintext, ciphertext, tag, _associated))
            : calls => Repeat(calls, () => gcm.Decrypt(_nonce, ciphertext, tag, plaintext, _associated)));
    }

    private Contender Gcrypt(int size, bool seal)
    {
        if (Libgcrypt.WhyMissing is { } why)
            return Contender.Absent(Libgcrypt.Name, why);
        nint handle = Libgcrypt.OpenCipher(Libgcrypt.GcmMode, _key);
        byte[] plaintext = new byte[size], ciphertext = new byte[size], tag = new byte[16];
        Libgcrypt.Seal(handle, _nonce, _associated, plaintext, ciphertext, tag);
        return new Contender(Libgcrypt.Name, seal
            ? calls => Repeat(calls, () => Libgcrypt.Seal(handle, _nonce, _associated, plaintext, ciphertext, tag))
            : calls => Repeat(calls, () => Libgcrypt.Open(handle, _nonce, _associated, ciphertext, plaintext, tag)));
    }

    private Contender BouncyCastle(int size, bool seal)
    {
        BouncyCastleGcm gcm = new(_key);
        byte[] plaintext = new byte[size], sealedText = new byte[size + 16];
        using Sm4Gcm ours = new(_key, 16);
        ours.Encrypt(_nonce, plaintext, sealedText.AsSpan(0, size), sealedText.AsSpan(size), _associated);
        return new Contender("BouncyCastle", seal
            ? calls => Repeat(calls, () => gcm.Seal(_associated, plaintext, sealedText))
            : calls => Repeat(calls, () => gcm.Open(_nonce, _associated, sealedText, plaintext)));
    }

    private Contender Aes(int size, bool seal)
    {
        AesGcm gcm = Own(new AesGcm(_key, 16));
        byte[] plaintext = new byte[size], ciphertext = new byte[size], tag = new byte[16];
        gcm.Encrypt(_nonce, plaintext, ciphertext, tag, _associated);
        return new Contender(".NET AesGcm, AES-128", seal
            ? calls => Repeat(calls, () => gcm.Encrypt(_nonce, plaintext, ciphertext, tag, _associated))
            : calls => Repeat(calls, () => gcm.Decrypt(_nonce, ciphertext, tag, plaintext, _associated)));
    }

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
