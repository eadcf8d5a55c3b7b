using System.Reflection;
using System.Security.Cryptography;
using Qanat.Tls.Engine;
using Qanat.Tls.Engine.Tls13;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>KeyUpdate of both ends, asked for and by itself, and the ends of sequences (RFC 8446 sections 4.6.3, 5.3 and 5.5).</summary>
public sealed class KeyUpdateTests
{
    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void Data_flows_across_updates(bool byClient, bool requestPeer)
    {
        using EnginePair pair = new Tls13Setup().Connect();
        for (int i = 1; i <= 100; i++)
        {
            Engine(pair, byClient).UpdateKeys(requestPeer);
            byte[] data = RandomNumberGenerator.GetBytes(100 * i);
            Assert.Equal(data, pair.Send(byClient, data));
            Assert.Equal(data, pair.Send(!byClient, data));
            Assert.Equal(i, Engine(pair, !byClient).PeerKeyUpdates);
            Assert.Equal(requestPeer ? i : 0, Engine(pair, byClient).PeerKeyUpdates);
        }
    }

    [Fact]
    public void Both_ends_may_ask_at_once()
    {
        using EnginePair pair = new Tls13Setup().Connect();
        Engine(pair, true).UpdateKeys(requestPeer: true);
        Engine(pair, false).UpdateKeys(requestPeer: true);
        pair.Talk();
        Assert.Equal([1], pair.Send(fromClient: true, [1]));
        Assert.Equal([2], pair.Send(fromClient: false, [2]));
        Assert.Equal((2, 2), (Engine(pair, true).PeerKeyUpdates, Engine(pair, false).PeerKeyUpdates));
    }

    [Theory]
    [InlineData(true, SmCipherSuite.TlsSm4GcmSm3, 24)]
    [InlineData(false, SmCipherSuite.TlsSm4GcmSm3, 24)]
    [InlineData(true, SmCipherSuite.TlsSm4CcmSm3, 23)]
    public void Keys_change_by_themselves_before_their_limit(bool fromClient, SmCipherSuite suite, int bits)
    {
        Tls13Setup setup = new();
        setup.ServerOptions.CipherSuites = [suite];
        using EnginePair pair = setup.Connect();
        SkipTo(pair, fromClient, (1UL << bits) - 2);
        Assert.Equal([0], pair.Send(fromClient, [0]));
        Assert.Equal(0, Engine(pair, !fromClient).PeerKeyUpdates);
        Assert.Equal([1], pair.Send(fromClient, [1]));
        Assert.Equal(1, Engine(pair, !fromClient).PeerKeyUpdates);
        Assert.True(Protection(Engine(pair, fromClient), "_write").SequenceNumber < 10);
        Assert.Equal([2], pair.Send(fromClient, [2]));
        Assert.Equal([3], pair.Send(!fromClient, [3]));
        Assert.Equal(1, Engine(pair, !fromClient).PeerKeyUpdates);
    }

    [Fact]
    public void Peer_that_does_not_change_its_keys_is_asked_once()
    {
        // Another implementation that goes on under its old keys.
        using EnginePair pair = new Tls13Setup().Connect();
        SkipTo(pair, fromClient: true, (1UL << 24) + (1UL << 20) - 2);
        RecordProtection write = Protection(Engine(pair, true), "_write");
        for (int i = 0; i < 3; i++)
        {
            byte[] record = new byte[write.GetSealedLength(1)];
            write.Seal(RecordType.ApplicationData, [(byte)i], record);
            pair.Server.Feed(record);
        }
        Assert.Null(pair.Server.Engine.Failure);
        byte[] asked = pair.Server.Drain();
        Assert.Single(EnginePair.Records(asked));
        pair.Client.Feed(asked);
        // Asked, it does.
        pair.Talk();
        Assert.Equal([9], pair.Send(fromClient: true, [9]));
        Assert.Equal(1, Engine(pair, false).PeerKeyUpdates);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Updates_without_end_are_refused(bool byClient)
    {
        using EnginePair pair = new Tls13Setup().Connect();
        for (int i = 0; i < 33; i++)
        {
            Engine(pair, byClient).UpdateKeys(requestPeer: true);
            pair.Talk();
        }
        Assert.Equal(SmTlsError.TooManyMessages, (byClient ? pair.Server : pair.Client).Error);
    }

    [Theory]
    [InlineData(new byte[] { 24, 0, 0, 1, 2 }, SmTlsError.IllegalParameter)]
    [InlineData(new byte[] { 24, 0, 0, 0 }, SmTlsError.DecodeError)]
    [InlineData(new byte[] { 24, 0, 0, 2, 0, 0 }, SmTlsError.DecodeError)]
    [InlineData(new byte[] { 24, 0, 0, 1, 0, 24 }, SmTlsError.UnexpectedMessage)]
    public void Broken_update_is_refused(byte[] content, SmTlsError expected)
    {
        using EnginePair pair = new Tls13Setup().Connect();
        RecordProtection write = Protection(Engine(pair, true), "_write");
        byte[] record = new byte[write.GetSealedLength(content.Length)];
        write.Seal(RecordType.Handshake, content, record);
        pair.Server.Feed(record);
        Assert.Equal(expected, pair.Server.Error);
    }

    [Fact]
    public void Nothing_follows_a_close()
    {
        using EnginePair pair = new Tls13Setup().Connect();
        pair.Client.Engine.Close();
        Engine(pair, true).UpdateKeys(requestPeer: false);
        Engine(pair, false).UpdateKeys(requestPeer: true);
        pair.Talk();
        Assert.Null(pair.Client.Engine.Failure);
        Assert.Null(pair.Server.Engine.Failure);
        Assert.True(pair.Server.Engine.IsPeerClosed);
        Assert.Equal([5], pair.Send(fromClient: false, [5]));
    }

    [Fact]
    public void Sequence_numbers_never_wrap()
    {
        using EnginePair pair = new Tls13Setup().Connect();
        SkipTo(pair, fromClient: true, ulong.MaxValue);
        Assert.Equal(SmTlsError.KeyLimitReached, Assert.Throws<SmTlsException>(() => pair.Client.Seal([1])).Error);
        pair.Server.Feed([23, 3, 3, 0, 18, .. new byte[18]]);
        Assert.Equal(SmTlsError.KeyLimitReached, pair.Server.Error);
    }

    [Fact]
    public void Update_before_the_handshake_is_done_is_a_mistake_of_the_caller()
    {
        using EnginePair pair = new Tls13Setup().NewPair();
        Assert.Throws<InvalidOperationException>(() => Engine(pair, true).UpdateKeys(requestPeer: false));
        Assert.Throws<InvalidOperationException>(() => pair.Client.Engine.ExportKeyingMaterial("EXPORTER-x"u8, default, false, new byte[32]));
    }

    private static Tls13Engine Engine(EnginePair pair, bool ofClient) => (Tls13Engine)(ofClient ? pair.Client : pair.Server).Engine;

    private static void SkipTo(EnginePair pair, bool fromClient, ulong sequenceNumber)
    {
        Protection(Engine(pair, fromClient), "_write").SkipTo(sequenceNumber);
        Protection(Engine(pair, !fromClient), "_read").SkipTo(sequenceNumber);
    }

    private static RecordProtection Protection(TlsEngine engine, string field) =>
        (RecordProtection)typeof(TlsEngine).GetField(field, BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(engine)!;
}
