using Qanat.Tls;

namespace Qanat.Cli.Gm;

/// <summary>Carries standard input to a connection and the connection to standard output, as <c>openssl s_client</c> does.</summary>
internal static class GmTlsRelay
{
    private const int ChunkBytes = 64 * 1024;

    /// <summary>Runs until both ends have closed. The end of the input is told to the peer, which may go on sending.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="input">What is sent.</param>
    /// <param name="output">Where it goes.</param>
    /// <param name="isInteractive">True when a person types the input: it is not waited for when the peer has closed.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task RunAsync(SmSslStream connection, Stream input, Stream output, bool isInteractive, CancellationToken cancellationToken)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task sending = SendAsync(connection, input, ending.Token);
        try
        {
            await ReceiveAsync(connection, output, cancellationToken);
            if (!isInteractive)
            {
                await sending;
            }
        }
        finally
        {
            // A read of a terminal cannot be cancelled, so it is not waited for.
            await ending.CancelAsync();
            _ = sending.ContinueWith(task => task.Exception, TaskScheduler.Default);
        }
    }

    /// <summary>Copies the connection to the output until the peer has closed.</summary>
    public static async Task<long> ReceiveAsync(SmSslStream connection, Stream output, CancellationToken cancellationToken)
    {
        byte[] chunk = new byte[ChunkBytes];
        long total = 0;
        for (int length; (length = await connection.ReadAsync(chunk, cancellationToken)) > 0; total += length)
        {
            await output.WriteAsync(chunk.AsMemory(0, length), cancellationToken);
            await output.FlushAsync(cancellationToken);
        }
        return total;
    }

    private static async Task SendAsync(SmSslStream connection, Stream input, CancellationToken cancellationToken)
    {
        byte[] chunk = new byte[ChunkBytes];
        for (int length; (length = await input.ReadAsync(chunk, cancellationToken)) > 0;)
        {
            await connection.WriteAsync(chunk.AsMemory(0, length), cancellationToken);
        }
        await connection.ShutdownAsync(cancellationToken);
    }
}
