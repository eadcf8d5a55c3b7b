using System.CommandLine;

namespace Qanat.Cli.Verbs;

/// <summary><c>qanat gm</c>: SM2, SM3 and SM4 for people who use openssl today.</summary>
internal static class GmVerb
{
    public static Command Create(QanatCommand cli) => new("gm", "SM2, SM3 and SM4: certificates, signatures, encryption, hashes, TLCP and TLS 1.3 connections, self-tests, speed.")
    {
        GmClientVerb.Create(cli),
        GmDecryptVerb.Create(cli),
        GmEncryptVerb.Create(cli),
        GmHashVerb.Create(cli),
        GmPkiVerb.Create(cli),
        GmReplayVerb.Create(cli),
        GmSelfTestVerb.Create(cli),
        GmServerVerb.Create(cli),
        GmSignVerb.Create(cli),
        GmSpeedVerb.Create(cli),
        GmVerifyVerb.Create(cli),
    };
}
