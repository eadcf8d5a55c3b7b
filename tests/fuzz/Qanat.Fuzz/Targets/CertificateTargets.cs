using Qanat.Gm;
using Qanat.Tls.Certificates;
using static Qanat.Fuzz.FuzzFinding;

namespace Qanat.Fuzz.Targets;

/// <summary>SM2 certificates, chains and keys, from those of the recorded connections (tests/vectors/sm-transcripts/pki).</summary>
internal static class CertificateTargets
{
    private static readonly SmCertificate s_root = Recorded("root_ca"), s_authority = Recorded("sub_ca"), s_sign = Recorded("server_sign"), s_encrypt = Recorded("server_enc");
    private static readonly DateTimeOffset s_now = new(2026, 12, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly SmChainValidator s_validator = new(new SmTrustStore([s_root]));
    private static readonly byte[] s_key = Sm2Keys.WritePkcs8PrivateKey(Sm2Keys.ReadPem(Text("server_sign.key.pem")));

    internal static FuzzTarget[] All { get; } =
    [
        new("sm-certificate", [s_root.RawData.ToArray(), s_authority.RawData.ToArray(), s_sign.RawData.ToArray(), s_encrypt.RawData.ToArray()], Certificate),
        new("sm-certificate-chain", [s_sign.RawData.ToArray(), s_encrypt.RawData.ToArray()], Chain),
        new("sm2-key", [s_key], Key),
    ];

    private static void Certificate(ReadOnlySpan<byte> input)
    {
        SmCertificate certificate;
        try
        {
            certificate = SmCertificate.Parse(input);
        }
        catch (SmCertificateException)
        {
            return;
        }
        Require(certificate.RawData.Span.SequenceEqual(input), "the bytes are kept");
        Require(certificate.ToString().Length < 400, "what is shown is bounded");
        bool isOriginal = new[] { s_root, s_authority, s_sign, s_encrypt }.Contains(certificate);
        Require(isOriginal || !(certificate.IsSignedBy(s_root) || certificate.IsSignedBy(s_authority)), "only the signed certificate verifies");
    }

    // The input stands in the place of the encryption certificate.
    private static void Chain(ReadOnlySpan<byte> input)
    {
        SmChainResult result = s_validator.Validate([s_sign.RawData, input.ToArray(), s_authority.RawData], SmChainRequest.Server("localhost", SmChainForm.Pair), s_now);
        Require(result.IsValid == input.SequenceEqual(s_encrypt.RawData.Span), "only the right pair is accepted");
        Require(result.Failures.All(f => f.Message.Length is > 10 and < 2000), "each failure says why, in bounds");
    }

    private static void Key(ReadOnlySpan<byte> input)
    {
        try
        {
            using Sm2 key = Sm2Keys.ReadPkcs8PrivateKey(input.ToArray());
            Require(Sm2Keys.ReadPkcs8PrivateKey(Sm2Keys.WritePkcs8PrivateKey(key)).PublicKey.SequenceEqual(key.PublicKey), "a key round trips");
        }
        catch (Sm2KeyException)
        {
        }
    }

    private static SmCertificate Recorded(string name) => SmCertificate.FromPem(Text(name + ".crt.pem"));

    private static string Text(string file) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "pki", file));
}
