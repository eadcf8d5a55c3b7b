using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine;

/// <summary>What both protocols' engines have in common, tested with TLCP: data, closing, floods, bounds, threads, memory.</summary>
public sealed class TlsEngineTests
{
    public static TheoryData<SmCipherSuite> Suites => [.. TlcpWorld.Suites.Where(s => !s.IsEcdhe())];

    [Theory]
    [MemberData(nameof(Suites))]
    [Trait("Kind", "Unit")]
    public void Data_of_every_length_arrives_in_both_directions(SmCipherSuite suite)
    {
        using EnginePump pump = TlcpWorld.OneSided(suite, settings => settings with { FragmentLength = 1000 }).RunToCompletion();
        List<byte> up = [], down = [];
        Random random = new(3);
        foreach (int length in (int[])[0, 1, 2, 999, 1000, 1001, 1999, 2000, 16_000, 17_500, 40_123])
        {
            byte[] data = new byte[length];
            random.NextBytes(data);
            pump.Send(fromServer: false, data);
            up.AddRange(data);
            data.AsSpan().Reverse();
            pump.Send(fromServer: true, data);
            down.AddRange(data);
        }
        Assert.Equal(up, pump.ServerReceived);
        Assert.Equal(down, pump.ClientReceived);
    }

    [Theory]
    [MemberData(nameof(Suites))]
    [Trait("Kind", "Bench")]
    public void Records_of_application_data_allocate_nothing(SmCipherSuite suite)
    {
        using EnginePump pump = TlcpWorld.OneSided(suite).RunToCompletion();
        byte[] data = new byte[40_000], records = new byte[pump.Client.GetSealedLength(data.Length)];
        int received = 0;
        Assert.Equal(0, Allocations.Of(() =>
        {
            int length = pump.Client.Seal(data, records);
            for (Span<byte> rest = records.AsSpan(0, length); !rest.IsEmpty;)
            {
                RecordHeader.TryRead(rest, pump.Server.MaxFragmentLength, out RecordHeader header, out _);
                pump.Server.Receive(header, rest.Slice(RecordHeader.Size, header.Length), out Span<byte> plaintext);
                received += plaintext.Length;
                rest = rest[(RecordHeader.Size + header.Length)..];
            }
        }));
        Assert.Equal(0, received % data.Length);
        Assert.True(received > 0);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void Close_notify_ends_one_direction_once_and_the_other_goes_on()
    {
        using EnginePump pump = TlcpWorld.OneSided().RunToCompletion();
        pump.Client.Close();
        pump.Client.Close();
        int before = pump.Log.Count;
        pump.Continue();
        Assert.Equal(before + 1, pump.Log.Count);
        Assert.True(pump.Server.IsPeerClosed);
        Assert.Null(pump.Server.Failure);
        Assert.Equal(SmTlsError.ConnectionClosed, Assert.Throws<SmTlsException>(() => pump.Client.Seal([1], new byte[100])).Error);
        Assert.Equal(SmTlsError.ConnectionClosed, Assert.Throws<SmTlsException>(() => pump.Client.GetSealedLength(1)).Error);
        pump.Send(fromServer: true, [1, 2, 3]);
        Assert.Equal([1, 2, 3], pump.ClientReceived);
        Assert.False(pump.Client.IsPeerClosed);
        pump.Server.Close();
        pump.Continue();
        Assert.True(pump.Client.IsPeerClosed);
        Assert.Null(pump.Client.Failure);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void Data_after_close_notify_is_refused()
    {
        using TlcpForger forger = TlcpForger.OneSided(SmCipherSuite.EccSm4GcmSm3);
        forger.Pump.RunToCompletion();
        byte[] first = forger.Seal(false, RecordType.Alert, [1, 0]), second = forger.Seal(false, RecordType.ApplicationData, [7], ahead: 1);
        Assert.Equal(SmTlsError.UnexpectedMessage, forger.Pump.Inject(true, [.. first, .. second]));
        Assert.True(forger.Pump.Server.IsPeerClosed);
        Assert.Empty(forger.Pump.ServerReceived);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void Floods_of_records_without_effect_are_refused_and_data_in_between_is_a_new_start()
    {
        foreach ((RecordType type, byte[] content, int most) in new[] { (RecordType.ApplicationData, Array.Empty<byte>(), 32), (RecordType.Alert, [1, 90], 8), (RecordType.Alert, [1, 41], 8) })
        {
            using TlcpForger forger = TlcpForger.OneSided(SmCipherSuite.EccSm4GcmSm3);
            forger.Pump.RunToCompletion();
            int ahead = 0;
            for (int round = 0; round < 3; round++)
            {
                for (int i = 0; i < most; i++)
                {
                    Assert.Equal(SmTlsError.None, forger.Pump.Inject(true, forger.Seal(false, type, content, ahead++)));
                }
                if (round < 2)
                {
                    Assert.Equal(SmTlsError.None, forger.Pump.Inject(true, forger.Seal(false, RecordType.ApplicationData, [1], ahead++)));
                }
            }
            Assert.Equal(SmTlsError.TooManyMessages, forger.Pump.Inject(true, forger.Seal(false, type, content, ahead)));
        }
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void Handshake_bytes_are_bounded_by_message_and_in_all()
    {
        using TlcpForger longest = TlcpForger.OneSided(SmCipherSuite.EccSm4GcmSm3);
        Assert.Equal(SmTlsError.None, longest.Pump.Inject(true, TlcpForger.Plain(RecordType.Handshake, [1, 1, 0, 0])));
        using TlcpForger longer = TlcpForger.OneSided(SmCipherSuite.EccSm4GcmSm3);
        Assert.Equal(SmTlsError.MessageTooLarge, longer.Pump.Inject(true, TlcpForger.Plain(RecordType.Handshake, [1, 1, 0, 1])));
        // A message of 64 KiB that never ends costs what it says and no more.
        long before = GC.GetAllocatedBytesForCurrentThread();
        SmSslServerAuthenticationOptions options = TlcpWorld.ServerOptions(SmClientCertificateMode.None);
        options.MaxHandshakeBytes = SmSslAuthenticationOptions.MinHandshakeBytes;
        using TlcpForger many = new(TlcpWorld.ClientOptions(), options);
        byte[] piece = TlcpForger.Plain(RecordType.Handshake, new byte[1000]);
        piece[5] = 1;
        (piece[7], piece[8]) = (0x1F, 0xF0);
        SmTlsError error = SmTlsError.None;
        int sent = 0;
        for (; error == SmTlsError.None && sent < 100; sent++)
        {
            error = many.Pump.Inject(true, piece);
        }
        Assert.Equal(SmTlsError.TooManyMessages, error);
        Assert.Equal(9, sent);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void Output_that_is_shown_stays_in_place_while_more_is_added()
    {
        using EnginePump pump = TlcpWorld.OneSided();
        pump.Client.Start();
        ReadOnlyMemory<byte> shown = pump.Client.Output;
        byte[] copy = shown.ToArray();
        pump.Client.Fail(SmTlsError.HandshakeTimeout, "too slow");
        pump.Client.Fail(SmTlsError.Truncated, "later");
        Assert.Equal(copy, shown.ToArray());
        Assert.Equal(copy, pump.Client.Output.ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => pump.Client.ConsumeOutput(copy.Length + 1));
        pump.Client.ConsumeOutput(10);
        Assert.Equal(copy[10..], pump.Client.Output.ToArray());
        pump.Client.ConsumeOutput(copy.Length - 10);
        Assert.Equal([21, 1, 1, 0, 2, 2, (byte)AlertDescription.UserCanceled], pump.Client.Output.ToArray());
        pump.Client.ConsumeOutput(7);
        Assert.False(pump.Client.HasOutput);
        Assert.Equal(SmTlsError.HandshakeTimeout, pump.Client.Failure!.Error);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void Sealing_waits_for_the_handshake_and_for_records_that_come_first()
    {
        using EnginePump pump = TlcpWorld.OneSided();
        Assert.Throws<InvalidOperationException>(() => pump.Client.Seal([1], new byte[100]));
        byte[]? finished = null;
        pump.OnWire = (fromServer, record) =>
        {
            if (fromServer)
            {
                finished = record;
            }
            return record;
        };
        pump.RunToCompletion();
        // What the reader wants sent is sealed when the sender asks for it: data sealed before keeps its place.
        pump.Server.Fail(SmTlsError.InternalError, "an alert");
        Assert.True(pump.Server.HasOutput);
        pump.Client.Close();
        Assert.True(pump.Client.Output.Length > 0);
        Assert.Throws<SmTlsException>(() => pump.Client.Seal([1], new byte[100]));
        Assert.NotNull(finished);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_reader_and_a_sender_may_work_at_once_and_the_order_of_records_holds()
    {
        using EnginePump pump = TlcpWorld.OneSided().RunToCompletion();
        const int Rounds = 3000;
        byte[] fatal = [];
        using Barrier start = new(2);
        List<byte[]> wire = [];
        // The client's reader fails in the middle of the client's sending: its alert is sealed among the data, in order.
        Thread reader = new(() =>
        {
            start.SignalAndWait();
            byte[] bad = new byte[60];
            pump.Client.Receive(new RecordHeader(RecordType.ApplicationData, 0x0101, bad.Length), bad, out _);
        });
        reader.Start();
        start.SignalAndWait();
        try
        {
            for (int i = 0; i < Rounds; i++)
            {
                Drain();
                byte[] record = new byte[200];
                int length = pump.Client.Seal(new byte[100], record);
                wire.Add(record[..length]);
            }
            reader.Join();
        }
        catch (SmTlsException e) when (e.Error == SmTlsError.ConnectionClosed)
        {
        }
        reader.Join();
        Drain();
        int data = wire.Count - 1;
        SmTlsError error = pump.Inject(toServer: true, [.. wire.SelectMany(r => r)]);
        Assert.Equal(SmTlsError.PeerAlert, error);
        Assert.Equal(AlertDescription.BadRecordMac, pump.Server.Failure!.Alert);
        Assert.Equal(100 * data, pump.ServerReceived.Count);

        void Drain()
        {
            for (ReadOnlyMemory<byte> output = pump.Client.Output; !output.IsEmpty; output = pump.Client.Output)
            {
                wire.Add(output.ToArray());
                pump.Client.ConsumeOutput(output.Length);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    [Trait("Kind", "Unit")]
    public void Keys_that_sealed_as_much_as_they_may_seal_no_more_data_but_close_notify(SmCipherSuite suite)
    {
        using EnginePump pump = TlcpWorld.OneSided(suite).RunToCompletion();
        pump.Client.SkipSealedTo((1UL << 32) - 1);
        byte[] record = new byte[200];
        Assert.True(pump.Client.Seal([1], record) > 0);
        Assert.Equal(SmTlsError.KeyLimitReached, Assert.Throws<SmTlsException>(() => pump.Client.Seal([1], record)).Error);
        Assert.Null(pump.Client.Failure);
        pump.Client.Close();
        Assert.True(pump.Client.Output.Length > 0);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void An_alert_in_the_clear_is_read_in_a_record_of_any_version_and_other_records_are_not()
    {
        foreach ((byte type, byte[] content, SmTlsError expected) in new (byte, byte[], SmTlsError)[]
        {
            (21, [2, (byte)AlertDescription.ProtocolVersion], SmTlsError.PeerAlert),
            (22, [2, 0, 0, 0], SmTlsError.InvalidRecordVersion),
        })
        {
            using EnginePump pump = TlcpWorld.OneSided();
            pump.Client.Start();
            Assert.Equal(expected, pump.Inject(toServer: false, [type, 3, 3, 0, (byte)content.Length, .. content]));
        }
        // Under keys the version is part of what is authenticated.
        using EnginePump open = TlcpWorld.OneSided().RunToCompletion();
        Assert.Equal(SmTlsError.InvalidRecordVersion, open.Inject(toServer: false, [21, 3, 3, 0, 2, 2, 40]));
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void Disposing_ends_everything_without_a_word()
    {
        EnginePump pump = TlcpWorld.OneSided().RunToCompletion();
        pump.Client.Dispose();
        pump.Client.Close();
        Assert.True(pump.Client.Output.IsEmpty);
        Assert.Equal(SmTlsError.ConnectionClosed, Assert.Throws<SmTlsException>(() => pump.Client.Seal([1], new byte[100])).Error);
        pump.Client.Dispose();
        pump.Dispose();
    }
}
