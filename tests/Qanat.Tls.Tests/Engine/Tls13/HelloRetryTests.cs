using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>HelloRetryRequest from both sides: what it may ask, and what the second hello may change (RFC 8446 sections 4.1.2 and 4.1.4).</summary>
public sealed class HelloRetryTests
{
    public static TheoryData<string, SmTlsError> Requests => new()
    {
        { "the same group", SmTlsError.IllegalParameter },
        { "a group not offered", SmTlsError.IllegalParameter },
        { "nothing", SmTlsError.IllegalParameter },
        { "a suite not offered", SmTlsError.IllegalParameter },
        { "an unknown extension", SmTlsError.UnsupportedExtension },
        { "another session id", SmTlsError.IllegalParameter },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public void Request_that_may_not_be_is_refused(string what, SmTlsError expected)
    {
        Tls13Setup setup = Setup();
        Tls13Tap tap = new(setup, (fromClient, record) => record.IsHelloRetryRequest ? [Request(record, what)] : [record]);
        using EnginePair pair = setup.NewPair(tap.OnRecord).Handshake();
        Assert.Equal(expected, pair.Client.Error);
    }

    [Fact]
    public void Second_request_is_refused()
    {
        Tls13Setup setup = Setup();
        TapRecord? first = null;
        Tls13Tap tap = new(setup, (fromClient, record) =>
        {
            if (record.IsHelloRetryRequest)
            {
                first = record;
            }
            return !fromClient && record.Message == HandshakeType.ServerHello ? [first!] : [record];
        });
        using EnginePair pair = setup.NewPair(tap.OnRecord).Handshake();
        Assert.Equal(SmTlsError.UnexpectedMessage, pair.Client.Error);
    }

    [Fact]
    public void Server_hello_with_another_suite_than_the_request_is_refused()
    {
        Tls13Setup setup = Setup();
        Tls13Tap tap = new(setup, (fromClient, record) =>
        {
            if (!fromClient && record.Message == HandshakeType.ServerHello && !record.IsHelloRetryRequest)
            {
                // After the session id: suite.
                record.Content[4 + 2 + 32 + 1 + 32 + 1] = (byte)SmCipherSuite.TlsSm4CcmSm3;
            }
            return [record];
        });
        using EnginePair pair = setup.NewPair(tap.OnRecord).Handshake();
        Assert.Equal(SmTlsError.IllegalParameter, pair.Client.Error);
    }

    [Fact]
    public void Bytes_behind_the_request_are_refused()
    {
        Tls13Setup setup = Setup();
        Tls13Tap tap = new(setup, (fromClient, record) => [record.IsHelloRetryRequest ? record with { Content = [.. record.Content, 2] } : record]);
        using EnginePair pair = setup.NewPair(tap.OnRecord).Handshake();
        Assert.Equal(SmTlsError.UnexpectedMessage, pair.Client.Error);
    }

    public static TheoryData<string, SmTlsError> SecondHellos => new()
    {
        { "random", SmTlsError.IllegalParameter },
        { "session id", SmTlsError.IllegalParameter },
        { "suites", SmTlsError.IllegalParameter },
        { "server_name", SmTlsError.IllegalParameter },
        { "extension added", SmTlsError.IllegalParameter },
        { "extension left out", SmTlsError.IllegalParameter },
        { "early data", SmTlsError.IllegalParameter },
        { "pre-shared key added", SmTlsError.IllegalParameter },
        { "old share", SmTlsError.IllegalParameter },
        { "two shares", SmTlsError.IllegalParameter },
        { "no cookie", SmTlsError.MissingExtension },
        { "another cookie", SmTlsError.IllegalParameter },
        { "padding", SmTlsError.BadRecordMac },
    };

    [Theory]
    [MemberData(nameof(SecondHellos))]
    public void Second_hello_that_differs_where_it_may_not_is_refused(string what, SmTlsError expected)
    {
        Tls13Setup setup = Setup();
        setup.AlwaysSendsCookie = true;
        int hellos = 0;
        byte[] firstShare = [];
        Tls13Tap tap = new(setup, (fromClient, record) =>
        {
            if (record.Message != HandshakeType.ClientHello)
            {
                return [record];
            }
            if (hellos++ == 0)
            {
                ClientHello.Read(record.Content.AsSpan(4), out ClientHello first);
                first.Extensions.TryGet(ExtensionType.KeyShare, out ReadOnlySpan<byte> share);
                firstShare = share.ToArray();
                return [record];
            }
            return [SecondHello(record, what, firstShare)];
        });
        using EnginePair pair = setup.NewPair(tap.OnRecord).Handshake();
        // Padding may be added: the server goes on, and the two ends have seen different hellos.
        Assert.Equal(expected, (what == "padding" ? pair.Client : pair.Server).Error);
        Assert.False(pair.Server.Engine.IsHandshakeComplete);
    }

    [Theory]
    [InlineData("cookie in the first hello", SmTlsError.IllegalParameter)]
    [InlineData("share without its group", SmTlsError.IllegalParameter)]
    [InlineData("compression", SmTlsError.IllegalParameter)]
    [InlineData("no versions", SmTlsError.UnsupportedVersion)]
    [InlineData("no versions, fallback", SmTlsError.InappropriateFallback)]
    [InlineData("no groups", SmTlsError.MissingExtension)]
    [InlineData("no shares", SmTlsError.MissingExtension)]
    [InlineData("no schemes", SmTlsError.MissingExtension)]
    [InlineData("schemes of RSA", SmTlsError.NoCommonSignatureScheme)]
    [InlineData("groups of NIST", SmTlsError.NoCommonGroup)]
    [InlineData("suites of AES", SmTlsError.NoCommonSuite)]
    [InlineData("protocol of nobody", SmTlsError.NoCommonApplicationProtocol)]
    [InlineData("pre-shared key without modes", SmTlsError.MissingExtension)]
    public void First_hello_that_cannot_be_answered_is_refused(string what, SmTlsError expected)
    {
        Tls13Setup setup = new();
        setup.ClientOptions.Tickets = null;
        Tls13Tap tap = new(setup, (fromClient, record) => [record.Message == HandshakeType.ClientHello ? FirstHello(record, what) : record]);
        using EnginePair pair = setup.NewPair(tap.OnRecord).Handshake();
        Assert.Equal(expected, pair.Server.Error);
        Assert.Equal(expected.ToAlert(), pair.Client.Engine.Failure!.Alert);
    }

    private static Tls13Setup Setup()
    {
        Tls13Setup setup = new();
        setup.ClientOptions.Groups = [NamedGroup.CurveSm2MlKem768, NamedGroup.CurveSm2];
        setup.ServerOptions.Groups = [NamedGroup.CurveSm2];
        setup.ServerOptions.CipherSuites = [SmCipherSuite.TlsSm4GcmSm3];
        return setup;
    }

    private static TapRecord Request(TapRecord right, string what)
    {
        ServerHello.Read(right.Content.AsSpan(4), out ServerHello hello);
        byte[] sessionId = hello.SessionId.ToArray();
        sessionId[0] ^= what == "another session id" ? (byte)1 : (byte)0;
        using TlsWriter writer = new();
        using (writer.Handshake(HandshakeType.ServerHello))
        {
            ServerHello.WriteFields(writer, hello.LegacyVersion, hello.Random, sessionId, what == "a suite not offered" ? (SmCipherSuite)0x1301 : hello.CipherSuite);
            using (writer.Vector16())
            {
                TlsExtensions.WriteSelectedVersion(writer, ProtocolVersions.Tls13);
                if (what != "nothing")
                {
                    TlsExtensions.WriteRetryGroup(writer, what switch
                    {
                        "the same group" => NamedGroup.CurveSm2MlKem768,
                        "a group not offered" => NamedGroup.X25519,
                        _ => NamedGroup.CurveSm2,
                    });
                }
                if (what == "an unknown extension")
                {
                    TlsExtensions.WriteEmpty(writer, (ExtensionType)0x1234);
                }
            }
        }
        return new TapRecord(RecordType.Handshake, writer.Written.ToArray());
    }

    private static TapRecord SecondHello(TapRecord right, string what, byte[] firstShare) => Hello(right, hello =>
    {
        switch (what)
        {
            case "random":
                hello.Random[0] ^= 1;
                break;
            case "session id":
                hello.SessionId[0] ^= 1;
                break;
            case "suites":
                hello.Suites.Reverse();
                break;
            case "server_name":
                hello.Set(ExtensionType.ServerName, [0, 6, 0, 0, 3, (byte)'a', (byte)'.', (byte)'b']);
                break;
            case "extension added":
                hello.Extensions.Add(((ExtensionType)0x1234, [1]));
                break;
            case "extension left out":
                hello.Remove(ExtensionType.ApplicationLayerProtocolNegotiation);
                break;
            case "early data":
                hello.Extensions.Add((ExtensionType.EarlyData, []));
                break;
            case "pre-shared key added":
                hello.AddPreSharedKey();
                break;
            case "old share":
                hello.Set(ExtensionType.KeyShare, firstShare);
                break;
            case "two shares":
                byte[] share = hello.Get(ExtensionType.KeyShare)[2..], both = [.. share, 0, 23, 0, 1, 4];
                hello.Set(ExtensionType.KeyShare, [(byte)(both.Length >> 8), (byte)both.Length, .. both]);
                break;
            case "no cookie":
                hello.Remove(ExtensionType.Cookie);
                break;
            case "another cookie":
                hello.Get(ExtensionType.Cookie)[^1] ^= 1;
                break;
            default:
                hello.Extensions.Add((ExtensionType.Padding, new byte[50]));
                break;
        }
    });

    private static TapRecord FirstHello(TapRecord right, string what) => Hello(right, hello =>
    {
        switch (what)
        {
            case "cookie in the first hello":
                hello.Extensions.Add((ExtensionType.Cookie, [0, 1, 7]));
                break;
            case "share without its group":
                hello.Set(ExtensionType.SupportedGroups, [0, 2, 0, 23]);
                break;
            case "compression":
                hello.Compression = [1, 0];
                break;
            case "no versions":
                hello.Remove(ExtensionType.SupportedVersions);
                break;
            case "no versions, fallback":
                hello.Remove(ExtensionType.SupportedVersions);
                hello.Suites.Add(SmCipherSuites.FallbackScsv);
                break;
            case "no groups":
                hello.Remove(ExtensionType.SupportedGroups);
                break;
            case "no shares":
                hello.Remove(ExtensionType.KeyShare);
                break;
            case "no schemes":
                hello.Remove(ExtensionType.SignatureAlgorithms);
                break;
            case "schemes of RSA":
                hello.Set(ExtensionType.SignatureAlgorithms, [0, 4, 8, 4, 4, 1]);
                break;
            case "groups of NIST":
                hello.Set(ExtensionType.SupportedGroups, [0, 2, 0, 23]);
                hello.Set(ExtensionType.KeyShare, [0, 5, 0, 23, 0, 1, 4]);
                break;
            case "suites of AES":
                hello.Suites.Clear();
                hello.Suites.Add(0x1301);
                break;
            case "pre-shared key without modes":
                hello.AddPreSharedKey();
                break;
            default:
                hello.Set(ExtensionType.ApplicationLayerProtocolNegotiation, [0, 5, 4, (byte)'s', (byte)'p', (byte)'d', (byte)'y']);
                break;
        }
    });

    private static TapRecord Hello(TapRecord record, Action<HelloParts> change)
    {
        HelloParts parts = new(record.Content);
        change(parts);
        return new TapRecord(RecordType.Handshake, parts.Write());
    }
}
