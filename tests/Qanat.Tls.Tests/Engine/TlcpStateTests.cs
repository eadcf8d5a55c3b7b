using Qanat.Tls.Engine;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine;

/// <summary>Every message in every state, and every record missing, doubled or out of order: a typed error each, and no end that believes it is connected.</summary>
public sealed class TlcpStateTests
{
    private static readonly HandshakeType[] s_types = [.. Enum.GetValues<HandshakeType>(), (HandshakeType)3, (HandshakeType)67, (HandshakeType)255];

    public static TheoryData<SmCipherSuite, bool> Receivers
    {
        get
        {
            TheoryData<SmCipherSuite, bool> data = [];
            foreach (SmCipherSuite suite in TlcpWorld.Suites)
            {
                data.Add(suite, true);
                data.Add(suite, false);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Receivers))]
    [Trait("Kind", "Property")]
    public void Every_message_in_every_state_but_its_own_is_refused(SmCipherSuite suite, bool toServer)
    {
        Dictionary<HandshakeType, byte[]> bodies = Bodies(suite);
        (HandshakeType? Due, bool IsProtected)[] states = States(suite, toServer);
        for (int state = 0; state < states.Length; state++)
        {
            foreach (HandshakeType type in s_types)
            {
                foreach (byte[] body in new[] { bodies.GetValueOrDefault(type, [1, 2, 3]), [], new byte[300] })
                {
                    bool isRightBody = body == bodies.GetValueOrDefault(type) || (body.Length == 0 && type == HandshakeType.ServerHelloDone);
                    // CertificateRequest may be left out, so ServerHelloDone is in order too: that is for the tests below.
                    if ((type == states[state].Due && isRightBody) || (type == HandshakeType.ServerHelloDone && states[state].Due == HandshakeType.CertificateRequest))
                    {
                        continue;
                    }
                    using TlcpForger forger = Stop(suite, toServer, state);
                    byte[] message = TlcpForger.Message(type, body);
                    byte[] record = states[state].IsProtected ? forger.Seal(!toServer, RecordType.Handshake, message) : TlcpForger.Plain(RecordType.Handshake, message);
                    SmTlsError error = forger.Pump.Inject(toServer, record);
                    SmTlsError expected = state == states.Length - 1 && type is (HandshakeType.HelloRequest or HandshakeType.ClientHello)
                        ? SmTlsError.RenegotiationRefused
                        : SmTlsError.UnexpectedMessage;
                    string where = $"{type} of {body.Length} bytes in state {state} ({states[state].Due?.ToString() ?? "other"})";
                    if (type == states[state].Due)
                    {
                        Assert.True(error is not (SmTlsError.None or SmTlsError.InternalError or SmTlsError.UnexpectedMessage), $"{where}: {error}");
                    }
                    else
                    {
                        Assert.True(error == expected, $"{where}: {error}");
                    }
                    AssertRefused(forger.Receiver(toServer), isOpen: state == states.Length - 1);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Receivers))]
    [Trait("Kind", "Property")]
    public void Other_records_in_every_state_are_refused(SmCipherSuite suite, bool toServer)
    {
        (HandshakeType? Due, bool IsProtected)[] states = States(suite, toServer);
        for (int state = 0; state < states.Length; state++)
        {
            bool isOpen = state == states.Length - 1, isProtected = states[state].IsProtected, isCcsDue = states[state].Due is null && !isOpen;
            Check("ChangeCipherSpec", RecordType.ChangeCipherSpec, [1], isCcsDue ? SmTlsError.None : SmTlsError.UnexpectedMessage);
            Check("ChangeCipherSpec of two bytes", RecordType.ChangeCipherSpec, [1, 1], isProtected ? SmTlsError.UnexpectedMessage : SmTlsError.DecodeError);
            Check("ChangeCipherSpec of another value", RecordType.ChangeCipherSpec, [2], isProtected ? SmTlsError.UnexpectedMessage : SmTlsError.DecodeError);
            Check("application data", RecordType.ApplicationData, [1], isOpen ? SmTlsError.None : SmTlsError.UnexpectedMessage);
            Check("no application data", RecordType.ApplicationData, [], isOpen ? SmTlsError.None : SmTlsError.UnexpectedMessage);
            Check("an empty handshake record", RecordType.Handshake, [], SmTlsError.UnexpectedMessage);
            Check("an empty alert", RecordType.Alert, [], SmTlsError.DecodeError);
            Check("an alert of three bytes", RecordType.Alert, [1, 0, 0], SmTlsError.DecodeError);
            Check("an alert of a strange level", RecordType.Alert, [3, 0], SmTlsError.IllegalParameter);
            Check("a warning", RecordType.Alert, [1, 41], SmTlsError.None);
            Check("a fatal alert", RecordType.Alert, [2, 40], SmTlsError.PeerAlert);
            Check("close_notify", RecordType.Alert, [1, 0], isOpen ? SmTlsError.None : SmTlsError.PeerCanceled);
            Check("a message of 16 MiB", RecordType.Handshake, [(byte)(states[state].Due ?? HandshakeType.Finished), 0xFF, 0xFF, 0xFF], SmTlsError.MessageTooLarge);
            if (isProtected)
            {
                using TlcpForger clear = Stop(suite, toServer, state);
                Assert.Equal(SmTlsError.BadRecordMac, clear.Pump.Inject(toServer, TlcpForger.Plain(RecordType.Alert, [1, 0])));
                using TlcpForger repeated = Stop(suite, toServer, state);
                Assert.Equal(SmTlsError.BadRecordMac, repeated.Pump.Inject(toServer, repeated.Seal(!toServer, RecordType.ApplicationData, [1], ahead: 1)));
            }

            void Check(string what, RecordType type, byte[] content, SmTlsError expected)
            {
                using TlcpForger forger = Stop(suite, toServer, state);
                byte[] record = isProtected ? forger.Seal(!toServer, type, content) : TlcpForger.Plain(type, content);
                SmTlsError error = forger.Pump.Inject(toServer, record);
                Assert.True(error == expected, $"{what} in state {state} ({states[state].Due?.ToString() ?? "other"}): {error}, not {expected}");
                if (expected != SmTlsError.None)
                {
                    AssertRefused(forger.Receiver(toServer), isOpen);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Receivers))]
    [Trait("Kind", "Property")]
    public void A_record_that_is_missing_doubled_or_early_is_refused(SmCipherSuite suite, bool toServer)
    {
        int count;
        using (TlcpForger whole = TlcpForger.Mutual(suite))
        {
            whole.Pump.RunToCompletion();
            count = whole.Records(!toServer).Length;
        }
        for (int at = 0; at < count; at++)
        {
            byte[] held = [];
            foreach (string kind in (string[])["missing", "doubled", "early"])
            {
                if ((kind == "missing" && at == count - 1) || (kind == "early" && at == count - 1))
                {
                    continue;
                }
                using TlcpForger forger = TlcpForger.Mutual(suite);
                forger.Change = (fromServer, index, record) => (kind, fromServer != toServer ? index - at : -1) switch
                {
                    ("missing", 0) => [],
                    ("doubled", 0) => [.. record, .. record],
                    ("early", 0) => Hold(record, ref held),
                    ("early", 1) => [.. record, .. held],
                    _ => record,
                };
                forger.Pump.Run();
                TlsEngine receiver = forger.Receiver(toServer);
                // A record that is alone in its flight leaves the receiver waiting: nothing comes that could be wrong. So does a Finished that is taken for the start of a message.
                if (receiver.Failure is null)
                {
                    Assert.True(kind != "doubled", $"{kind} {at}");
                    Assert.False(receiver.IsHandshakeComplete, $"{kind} {at}");
                    continue;
                }
                SmTlsError error = receiver.Failure.Error;
                bool isExpected = kind switch
                {
                    "doubled" => error is SmTlsError.UnexpectedMessage or SmTlsError.BadRecordMac,
                    // Without a CertificateRequest the client goes on, and the server misses its certificate. A protected Finished in place of a message has any length.
                    _ => error is SmTlsError.UnexpectedMessage or SmTlsError.BadRecordMac or SmTlsError.MessageTooLarge or SmTlsError.PeerAlert,
                };
                Assert.True(isExpected, $"{kind} {at}: {error}");
                AssertRefused(receiver, isOpen: kind == "doubled" && at == count - 1);
            }
        }

        static byte[] Hold(byte[] record, ref byte[] held)
        {
            held = record;
            return [];
        }
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_server_that_does_not_ask_gets_no_certificate_and_must_ask_in_ecdhe_suites()
    {
        foreach (SmCipherSuite suite in TlcpWorld.Suites)
        {
            using TlcpForger forger = Stop(suite, toServer: false, state: 3);
            SmTlsError error = forger.Pump.Inject(false, TlcpForger.Plain(RecordType.Handshake, TlcpForger.Message(HandshakeType.ServerHelloDone, [])));
            Assert.Equal(suite.IsEcdhe() ? SmTlsError.UnexpectedMessage : SmTlsError.None, error);
            using TlcpForger longer = Stop(suite, toServer: false, state: 3);
            Assert.Equal(SmTlsError.DecodeError, longer.Pump.Inject(false, TlcpForger.Plain(RecordType.Handshake, TlcpForger.Message(HandshakeType.ServerHelloDone, [0]))));
        }
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_change_of_keys_inside_a_message_is_refused()
    {
        using TlcpForger forger = Stop(SmCipherSuite.EccSm4GcmSm3, toServer: true, state: 4);
        // The first bytes of a Finished in the clear, then ChangeCipherSpec.
        Assert.Equal(SmTlsError.None, forger.Pump.Inject(true, TlcpForger.Plain(RecordType.Handshake, [20, 0, 0, 12, 1])));
        Assert.Equal(SmTlsError.UnexpectedMessage, forger.Pump.Inject(true, TlcpForger.Plain(RecordType.ChangeCipherSpec, [1])));
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void Messages_of_the_other_protocol_and_records_of_other_versions_are_refused()
    {
        foreach ((byte major, byte minor, SmTlsError expected) in new (byte, byte, SmTlsError)[]
        {
            (3, 1, SmTlsError.InvalidRecordVersion), (3, 3, SmTlsError.InvalidRecordVersion), (1, 0, SmTlsError.InvalidRecordVersion), (2, 1, SmTlsError.InvalidRecordVersion),
        })
        {
            using TlcpForger forger = TlcpForger.OneSided(SmCipherSuite.EccSm4GcmSm3);
            forger.Change = (fromServer, index, record) =>
            {
                if (!fromServer && index == 0)
                {
                    (record[1], record[2]) = (major, minor);
                }
                return record;
            };
            forger.Pump.Run();
            Assert.Equal(expected, forger.Pump.Server.Failure!.Error);
            Assert.Equal(AlertDescription.ProtocolVersion, forger.Pump.Client.Failure!.Alert);
        }
    }

    /// <summary>Stops when so many records have arrived at the receiver.</summary>
    private static TlcpForger Stop(SmCipherSuite suite, bool toServer, int state)
    {
        TlcpForger forger = TlcpForger.Mutual(suite);
        forger.Limits[toServer ? 0 : 1] = state;
        forger.Pump.Run();
        Assert.Null(forger.Receiver(toServer).Failure);
        return forger;
    }

    private static void AssertRefused(TlsEngine engine, bool isOpen)
    {
        Assert.NotNull(engine.Failure);
        Assert.NotEmpty(engine.Failure.Message);
        Assert.Equal(isOpen, engine.IsHandshakeComplete);
        Assert.Throws<SmTlsException>(() => engine.Seal([1], new byte[100]));
        Assert.Equal(engine.Failure.Error, engine.Receive(new RecordHeader(RecordType.Alert, 0x0101, 2), [1, 0], out Span<byte> data));
        Assert.True(data.IsEmpty);
    }

    /// <summary>What is due after so many records; null for ChangeCipherSpec, and at the end.</summary>
    private static (HandshakeType? Due, bool IsProtected)[] States(SmCipherSuite suite, bool toServer)
    {
        using TlcpForger whole = TlcpForger.Mutual(suite);
        whole.Pump.RunToCompletion();
        List<(HandshakeType?, bool)> states = [];
        bool isProtected = false;
        foreach (byte[] record in whole.Records(!toServer))
        {
            bool isCcs = record[0] == (byte)RecordType.ChangeCipherSpec;
            states.Add((isCcs ? null : isProtected ? HandshakeType.Finished : (HandshakeType)record[RecordHeader.Size], isProtected));
            isProtected |= isCcs;
        }
        states.Add((null, true));
        return [.. states];
    }

    private static Dictionary<HandshakeType, byte[]> Bodies(SmCipherSuite suite)
    {
        using TlcpForger whole = TlcpForger.Mutual(suite);
        whole.Pump.RunToCompletion();
        Dictionary<HandshakeType, byte[]> bodies = [];
        foreach ((_, byte[] record) in whole.Pump.Log)
        {
            if (record[0] == (byte)RecordType.ChangeCipherSpec)
            {
                break;
            }
            bodies[(HandshakeType)record[RecordHeader.Size]] = record[(RecordHeader.Size + HandshakeMessage.HeaderLength)..];
        }
        return bodies;
    }
}
