using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>Every message in every state: inserted, left out, sent twice. The longest handshake is taken: second hello, client certificate, ticket.</summary>
public sealed class Tls13StateTests
{
    private static readonly HandshakeType[] s_types =
    [
        HandshakeType.HelloRequest, HandshakeType.ClientHello, HandshakeType.ServerHello, HandshakeType.NewSessionTicket, HandshakeType.EndOfEarlyData, HandshakeType.EncryptedExtensions,
        HandshakeType.Certificate, HandshakeType.ServerKeyExchange, HandshakeType.CertificateRequest, HandshakeType.ServerHelloDone, HandshakeType.CertificateVerify,
        HandshakeType.ClientKeyExchange, HandshakeType.Finished, HandshakeType.KeyUpdate, HandshakeType.MessageHash, (HandshakeType)99,
    ];

    // What each end may be sent in the state in which it gets the message at this place.
    private static readonly (bool FromClient, HandshakeType Message, HandshakeType[] Allowed)[] s_honest =
    [
        (true, HandshakeType.ClientHello, [HandshakeType.ClientHello]),
        (false, HandshakeType.ServerHello, [HandshakeType.ServerHello]),
        (true, HandshakeType.ClientHello, [HandshakeType.ClientHello]),
        (false, HandshakeType.ServerHello, [HandshakeType.ServerHello]),
        (false, HandshakeType.EncryptedExtensions, [HandshakeType.EncryptedExtensions]),
        (false, HandshakeType.CertificateRequest, [HandshakeType.CertificateRequest, HandshakeType.Certificate]),
        (false, HandshakeType.Certificate, [HandshakeType.Certificate]),
        (false, HandshakeType.CertificateVerify, [HandshakeType.CertificateVerify]),
        (false, HandshakeType.Finished, [HandshakeType.Finished]),
        (true, HandshakeType.Certificate, [HandshakeType.Certificate]),
        (true, HandshakeType.CertificateVerify, [HandshakeType.CertificateVerify]),
        (true, HandshakeType.Finished, [HandshakeType.Finished]),
        (false, HandshakeType.NewSessionTicket, [HandshakeType.NewSessionTicket, HandshakeType.KeyUpdate]),
    ];

    private static readonly List<(bool FromClient, TapRecord Record)> s_flights = Record();

    public static TheoryData<int> Places => [.. Enumerable.Range(0, s_honest.Length)];

    [Fact]
    public void Handshake_is_the_one_expected() =>
        Assert.Equal(s_honest.Select(h => (h.FromClient, h.Message)), s_flights.Select(f => (f.FromClient, f.Record.Message)));

    [Theory]
    [MemberData(nameof(Places))]
    public void Message_out_of_place_is_refused(int place)
    {
        foreach (HandshakeType type in s_types)
        {
            byte[] message = s_flights.FirstOrDefault(f => f.Record.Message == type).Record?.Content ?? [(byte)type, 0, 0, 0];
            if (type == HandshakeType.KeyUpdate)
            {
                message = [(byte)type, 0, 0, 1, 0];
            }
            using EnginePair pair = Run(place, honest => [new TapRecord(RecordType.Handshake, message), honest]);
            EngineEnd receiver = s_honest[place].FromClient ? pair.Server : pair.Client;
            if (!s_honest[place].Allowed.Contains(type))
            {
                EngineEnd sender = s_honest[place].FromClient ? pair.Client : pair.Server;
                bool isRenegotiation = receiver.Engine.IsHandshakeComplete && type is (HandshakeType.HelloRequest or HandshakeType.ClientHello);
                Assert.True(receiver.Error == (isRenegotiation ? SmTlsError.RenegotiationRefused : SmTlsError.UnexpectedMessage), $"{type} at place {place}: {receiver.Error}");
                Assert.Equal((SmTlsError.PeerAlert, AlertDescription.UnexpectedMessage), (sender.Error, sender.Engine.Failure!.Alert));
            }
            else if (!receiver.Engine.IsHandshakeComplete)
            {
                Assert.NotEqual(SmTlsError.None, receiver.Error);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void Message_left_out_ends_or_stops_the_handshake(int place)
    {
        using EnginePair pair = Run(place, _ => []);
        bool isTicket = s_honest[place].Message == HandshakeType.NewSessionTicket;
        Assert.Equal(isTicket, pair.Client.Engine.IsHandshakeComplete && pair.Server.Engine.IsHandshakeComplete);
        // Behind the server's Finished nothing follows that could show that it is missing.
        if (place is > 3 and < 11 and not 8)
        {
            // A certificate request that is missing shows when the signature does not cover it.
            EngineEnd receiver = s_honest[place].FromClient ? pair.Server : pair.Client;
            Assert.True(receiver.Error is SmTlsError.UnexpectedMessage or SmTlsError.BadRecordMac or SmTlsError.BadSignature, $"place {place}: {receiver.Error}");
        }
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void Message_sent_twice_is_refused(int place)
    {
        using EnginePair pair = Run(place, honest => [honest, honest]);
        EngineEnd receiver = s_honest[place].FromClient ? pair.Server : pair.Client;
        // After Finished the keys are others; a ticket may come again.
        SmTlsError expected = s_honest[place].Message switch
        {
            HandshakeType.NewSessionTicket => SmTlsError.None,
            HandshakeType.Finished => SmTlsError.BadRecordMac,
            _ => SmTlsError.UnexpectedMessage,
        };
        // The first hello again answers the HelloRetryRequest, with the wrong share.
        Assert.Equal(place == 0 ? SmTlsError.IllegalParameter : expected, receiver.Error);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void Other_kinds_of_records_in_the_handshake_are_refused(int place)
    {
        (TapRecord Record, SmTlsError[] Expected)[] strange =
        [
            (new TapRecord(RecordType.ApplicationData, [1, 2, 3]), [SmTlsError.UnexpectedMessage]),
            (new TapRecord(RecordType.Handshake, []), [SmTlsError.UnexpectedMessage, SmTlsError.DecodeError]),
            (new TapRecord(RecordType.Alert, [2]), [SmTlsError.DecodeError]),
            (new TapRecord(RecordType.Alert, [3, 40]), [SmTlsError.IllegalParameter]),
            (new TapRecord(RecordType.Alert, [2, 40]), [SmTlsError.PeerAlert]),
            (new TapRecord(RecordType.Alert, [1, 40]), [SmTlsError.PeerAlert]),
            (new TapRecord(RecordType.Alert, [1, 0]), [SmTlsError.PeerCanceled]),
            (new TapRecord(RecordType.ChangeCipherSpec, [2]), [SmTlsError.DecodeError, SmTlsError.UnexpectedMessage]),
        ];
        foreach ((TapRecord record, SmTlsError[] expected) in strange)
        {
            using EnginePair pair = Run(place, honest => [record, honest]);
            EngineEnd receiver = s_honest[place].FromClient ? pair.Server : pair.Client;
            if (receiver.Engine.IsHandshakeComplete)
            {
                continue;
            }
            Assert.Contains(receiver.Error, expected);
        }
    }

    [Fact]
    public void Change_cipher_spec_outside_the_handshake_is_refused()
    {
        Tls13Setup setup = new();
        using EnginePair fresh = setup.NewPair();
        fresh.Server.Engine.Start();
        fresh.Server.Feed([20, 3, 3, 0, 1, 1]);
        Assert.Equal(SmTlsError.UnexpectedMessage, fresh.Server.Error);
        using EnginePair open = setup.Connect();
        open.Server.Feed([20, 3, 3, 0, 1, 1]);
        open.Client.Feed([20, 3, 3, 0, 1, 1]);
        Assert.Equal(SmTlsError.UnexpectedMessage, open.Server.Error);
        Assert.Equal(SmTlsError.UnexpectedMessage, open.Client.Error);
    }

    [Fact]
    public void Change_cipher_spec_without_end_is_refused()
    {
        Tls13Setup setup = new();
        using EnginePair pair = setup.NewPair((fromClient, record) => fromClient && record[0] == (byte)RecordType.ChangeCipherSpec ? Enumerable.Repeat(record, 33) : [record]);
        pair.Handshake();
        Assert.Equal(SmTlsError.TooManyMessages, pair.Server.Error);
    }

    private static List<(bool, TapRecord)> Record()
    {
        List<(bool, TapRecord)> flights = [];
        using EnginePair pair = Run(int.MaxValue, honest => [honest], flights);
        Assert.True(pair.Client.Engine.IsHandshakeComplete && pair.Server.Engine.IsHandshakeComplete);
        return flights;
    }

    // A handshake whose message at one place is changed on the way.
    private static EnginePair Run(int place, Func<TapRecord, IEnumerable<TapRecord>> change, List<(bool, TapRecord)>? flights = null)
    {
        Tls13Setup setup = new();
        setup.ServerOptions.ClientCertificateMode = SmClientCertificateMode.Require;
        setup.ServerOptions.Groups = [NamedGroup.CurveSm2];
        setup.ClientOptions.Groups = [NamedGroup.CurveSm2MlKem768, NamedGroup.CurveSm2];
        setup.ClientOptions.ClientCredential = Tls13Setup.ClientCredential;
        int at = 0;
        Tls13Tap tap = new(setup, (fromClient, record) =>
        {
            if (record.Type != RecordType.Handshake)
            {
                return [record];
            }
            flights?.Add((fromClient, record));
            return at++ == place ? change(record) : [record];
        });
        return setup.NewPair(tap.OnRecord).Handshake();
    }
}
