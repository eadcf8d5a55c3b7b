using System.Threading.Channels;
using Qanat.Hub.Membership;

namespace Qanat.Hub;

/// <summary>What was heard on receive loops goes to disk on a thread of its own: a flush there would hold up a link, and a hub could cause any number of them.</summary>
internal sealed partial class HubCore
{
    // However much comes, one round a second.
    private static readonly TimeSpan s_saveEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_saveAgain = TimeSpan.FromSeconds(30);
    private readonly Channel<bool> _toSave = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Hub records and foreign revocations that are not on disk yet.</summary>
    public int UnsavedCount => Table.UnsavedCount + Directory.UnsavedRevocations;

    private void WakeSaver() => _toSave.Writer.TryWrite(true);

    private async Task SaveHeardAsync()
    {
        try
        {
            await foreach (bool _ in _toSave.Reader.ReadAllAsync(_stop.Token))
            {
                if (SaveHeard())
                {
                    await Task.Delay(s_saveEvery, _time, _stop.Token);
                    continue;
                }
                await Task.Delay(s_saveAgain, _time, _stop.Token);
                WakeSaver();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private bool SaveHeard()
    {
        try
        {
            Table.Save();
            Directory.SaveForeignRevocations();
            return true;
        }
        catch (DirectoryUnavailableException e)
        {
            _logger.DirectoryUnavailable(e.Message);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _logger.BackgroundFailed(e, "saving what other hubs said");
        }
        return false;
    }
}
