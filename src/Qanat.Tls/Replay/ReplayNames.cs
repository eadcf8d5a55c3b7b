using System.Globalization;
using System.Security.Cryptography;
using Qanat.Gm;
using Qanat.Tls.Messages;

namespace Qanat.Tls.Replay;

/// <summary>Names of what stands on the wire, as the standards write them, and the search for a key by its point.</summary>
internal static class ReplayNames
{
    public static string[] Of(ExtensionList extensions) => [.. extensions.GetTypes().Select(Of)];

    public static string Of(ExtensionType type) => type == ExtensionType.ApplicationLayerProtocolNegotiation
        ? "application_layer_protocol_negotiation"
        : Enum.IsDefined(type) ? SmTlsErrors.Kebab(type.ToString()).Replace('-', '_') : ((ushort)type).ToString("x4", CultureInfo.InvariantCulture);

    public static string Of(NamedGroup group) => group switch
    {
        NamedGroup.CurveSm2 => "curveSM2",
        NamedGroup.CurveSm2MlKem768 => "curveSM2MLKEM768",
        _ => ((ushort)group).ToString("x4", CultureInfo.InvariantCulture),
    };

    /// <summary>The private key whose public point stands on the wire, or null. The caller disposes it.</summary>
    public static Sm2? FindEphemeral(IReadOnlyList<byte[]> privateKeys, ReadOnlySpan<byte> point)
    {
        foreach (byte[] privateKey in privateKeys)
        {
            try
            {
                Sm2 key = Sm2.Create(privateKey);
                if (key.PublicKey.SequenceEqual(point))
                {
                    return key;
                }
                key.Dispose();
            }
            catch (Exception e) when (e is CryptographicException or ArgumentException)
            {
                throw new ReplayException(ReplayCause.KeysWrong, SmTlsError.None, $"secrets.json holds an ephemeral key that is no SM2 key: {e.Message}");
            }
        }
        return null;
    }
}
